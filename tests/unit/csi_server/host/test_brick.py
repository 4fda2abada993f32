# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What os-brick is told of a connection, and how its programs are run."""

from __future__ import annotations

import pytest
from oslo_concurrency.processutils import ProcessExecutionError

from ansible_collections.mooring.storage.csi_server.host import brick
from ansible_collections.mooring.storage.csi_server.host.brick import (
    Multipath,
    device_of,
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
