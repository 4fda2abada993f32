# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What os-brick is told of a connection, and how its programs are run."""

from __future__ import annotations

import glob

import pytest
from oslo_concurrency.processutils import ProcessExecutionError

from ansible_collections.mooring.storage.csi_server.host import brick
from ansible_collections.mooring.storage.csi_server.host.brick import (
    Multipath,
    OsBrick,
    device_of,
    of_no_disk,
    run_program,
    with_own_target,
)
from ansible_collections.mooring.storage.csi_server.host.errors import DeviceNotReady

ONE = {"target_portal": "192.0.2.1:3260", "target_iqn": "iqn.2026-01.test:volume-1", "target_lun": 3}


def test_a_connection_to_one_target_names_it_as_a_list():
    assert with_own_target(ONE) == ONE | {
        "target_portals": ["192.0.2.1:3260"],
        "target_iqns": ["iqn.2026-01.test:volume-1"],
        "target_luns": [3],
    }


def test_a_connection_that_lists_its_targets_keeps_them():
    several = ONE | {
        "target_portals": ["192.0.2.1:3260", "192.0.2.2:3260"],
        "target_iqns": ["iqn.2026-01.test:volume-1"] * 2,
        "target_luns": [3, 3],
    }
    assert with_own_target(several) == several


def test_a_connection_of_another_kind_is_left_as_it_is():
    path = {"driver_volume_type": "local", "device_path": "/dev/loop0"}
    assert with_own_target(path) == path


#: Stands for open-iscsi: its sessions and records are in two files.
ISCSIADM = """#!/bin/sh
case "$*" in
"-m session") cat "$(dirname "$0")/sessions" ;;
"-m node") cat "$(dirname "$0")/records" ;;
*) echo "$*" >>"$(dirname "$0")/calls" ;;
esac
"""
PORTAL = "192.0.2.1:3260"
#: Targets that have records, by the number of their session.
TARGETS = {"": "iqn.gone", "1": "iqn.idle", "2": "iqn.used", "3": "iqn.other"}


@pytest.mark.parametrize("multipath", [Multipath(), Multipath(use=True)])
def test_of_a_connection_without_disks_os_brick_leaves_targets_that_no_disk_is_of(
    tmp_path, monkeypatch, multipath
):
    """Whatever the disk's number: since the node's boot it may have become another volume's."""
    (tmp_path / "iscsiadm").write_text(ISCSIADM)
    (tmp_path / "iscsiadm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    records = {number: f"{PORTAL},1 {target}" for number, target in TARGETS.items()}
    sessions = [f"tcp: [{number}] {record} (non-flash)\n" for number, record in records.items() if number]
    (tmp_path / "records").write_text("".join(f"{record}\n" for record in records.values()))
    (tmp_path / "sessions").write_text("".join(sessions))
    disks = "/sys/class/scsi_host/host2/device/session2/target2:0:0/2:0:0:3/block/none"
    monkeypatch.setattr(glob, "glob", lambda pattern: [disks] if "session2/" in pattern else [])
    node = OsBrick(str(tmp_path), multipath)
    for target in ("iqn.gone", "iqn.idle", "iqn.used", "iqn.unknown"):
        connection = ONE | {"driver_volume_type": "iscsi", "target_portal": PORTAL, "target_iqn": target}
        node.disconnect(of_no_disk(connection), "")
    calls = (tmp_path / "calls").read_text().splitlines()
    ended = [(call.split()[3], call.split()[-1]) for call in calls if "update" not in call]
    assert ended == [
        ("iqn.gone", "--logout"),
        ("iqn.gone", "delete"),
        ("iqn.idle", "--logout"),
        ("iqn.idle", "delete"),
    ]


def test_a_connection_without_disks_has_no_units_in_any_addressing():
    several = {"target_portals": ["a", "b"], "target_iqns": ["i", "j"], "target_luns": [3, 4]}
    assert of_no_disk(several | {"addressing_mode": "SAM3-flat"}) == several | {"target_luns": [-1, -1]}
    assert of_no_disk(ONE)["target_luns"] == [-1]


MAP = {"path": "/dev/dm-3", "multipath_id": "360000000000000000e00000000010001"}
PATH = {"path": "/dev/sdb", "scsi_wwn": "360000000000000000e00000000010001"}


@pytest.mark.parametrize(
    ("found", "kind", "multipath"),
    [
        (MAP, "iscsi", Multipath(use=True, enforce=True)),
        (PATH, "iscsi", Multipath()),
        ({"path": "/dev/nvme0n1"}, "nvmeof", Multipath(use=True, enforce=True)),
    ],
)
def test_the_device_is_the_one_found(found, kind, multipath, caplog):
    assert device_of(found, kind, multipath) == found["path"]
    assert caplog.text == ""


@pytest.mark.parametrize("kind", ["iscsi", "fibre_channel"])
def test_one_path_alone_is_told_and_refused_where_that_is_wanted(kind, caplog):
    assert device_of(PATH, kind, Multipath(use=True)) == "/dev/sdb"
    assert "no map of /dev/sdb" in caplog.text
    with pytest.raises(DeviceNotReady, match="find_multipaths"):
        device_of(PATH, kind, Multipath(use=True, enforce=True))


def test_a_program_reads_its_input_and_its_output_is_returned():
    assert run_program("cat", process_input="told") == ("told", "")


@pytest.mark.parametrize("accepted", [21, [0, 21], False])
def test_an_exit_code_may_be_an_answer(accepted):
    assert run_program("sh", "-c", "echo out; exit 21", check_exit_code=accepted) == ("out\n", "")


@pytest.mark.parametrize("accepted", [0, [0, 1], True])
def test_any_other_exit_code_is_a_failure_that_shows_no_argument(accepted):
    with pytest.raises(ProcessExecutionError) as failure:
        run_program("sh", "-c", "echo why >&2; exit 21", "secret", check_exit_code=accepted)
    said = failure.value
    assert (said.stdout, said.stderr, said.exit_code, said.cmd) == ("", "why\n", 21, "sh")


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(ProcessExecutionError) as failure:
        run_program("no-such-program", "secret")
    assert failure.value.stderr == "cannot run no-such-program: No such file or directory"
    assert failure.value.exit_code == 127


def test_a_program_is_tried_as_often_as_asked(tmp_path):
    tried = tmp_path / "tried"
    script = f"echo . >>{tried}; test $(wc -l <{tried}) = 3"
    run_program("sh", "-c", script, attempts=3)
    assert tried.read_text() == ".\n.\n.\n"


def test_who_asks_may_stop_the_program():
    ended = []
    run_program(
        "sleep",
        "60",
        check_exit_code=False,
        on_execute=lambda process: process.kill(),
        on_completion=ended.append,
    )
    assert [process.returncode for process in ended] == [-9]


def test_a_program_that_does_not_end_is_killed_with_what_it_has_started(monkeypatch):
    monkeypatch.setattr(brick, "LONGEST_RUN", 0.3)
    ended = []
    with pytest.raises(ProcessExecutionError) as failure:
        run_program("sh", "-c", "sleep 3600; exit 0", "secret", attempts=3, on_completion=ended.append)
    said = failure.value
    assert (said.exit_code, said.cmd) == (-9, "sh")
    assert said.stderr == "sh did not end within 0.3 s and was killed"
    # The pipes end with the last program that holds them.
    assert [(process.returncode, process.stdout.closed) for process in ended] == [(-9, True)]
