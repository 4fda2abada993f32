# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of its own, of one node and without a cloud: brought up, broken, repaired, taken down. As root."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
NAMESPACES = ("mnt", "net", "pid", "ipc", "uts")


def command(lab: Path, state: str) -> list[str]:
    inventory = CHECKOUT / "playbooks/inventory/lab.yml"
    settings = [f"lab_dir={lab}", f"lab_state={state}", "lab_nodes=1"]
    options = [word for setting in settings for word in ("--extra-vars", setting)]
    return [str(PLAYBOOK), "--inventory", str(inventory), *options, str(CHECKOUT / "tests/lab/cluster.yml")]


def play(lab: Path, state: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(lab, state), cwd=CHECKOUT, capture_output=True, text=True, timeout=900, check=False
    )


def changes(lab: Path, state: str) -> int:
    """Bring the lab to *state*; how many tasks changed something."""
    done = play(lab, state)
    assert done.returncode == 0, done.stdout + done.stderr
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout))


def inside(lab: Path, script: str) -> str:
    done = subprocess.run(
        [lab / "bin/lab-shell", "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ready_nodes(lab: Path) -> str:
    column = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
    return inside(lab, f"kubectl get nodes --output 'jsonpath={column}'")


def processes_naming(lab: Path) -> list[str]:
    """Command lines that name the lab's folder, other than those of this test."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"{lab}/" in line:
            found.append(line)
    return found


def namespaces_in_use() -> set[str]:
    found = set()
    for link in Path("/proc").glob("[0-9]*/ns/*"):
        try:
            found.add(os.readlink(link))
        except OSError:
            continue
    return found


def machine() -> dict[str, str]:
    """What a lab could leave behind on the machine, apart from processes and namespaces."""
    return {
        "mounts": Path("/proc/self/mounts").read_text(),
        "links": "\n".join(sorted(os.listdir("/sys/class/net"))),
        "shared memory": "\n".join(sorted(os.listdir("/dev/shm"))),
        "vm.max_map_count": Path("/proc/sys/vm/max_map_count").read_text(),
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("lab")
    changes(folder, "present")
    yield folder
    changes(folder, "absent")


def test_second_run_changes_nothing(lab: Path) -> None:
    assert changes(lab, "present") == 0
    assert ready_nodes(lab) == "True"


def test_disks_are_plugged_in_by_serial(lab: Path) -> None:
    """Both kinds of disk that a compute driver can plug in; the second grows while it is there."""
    fixed, growing = lab / "fixed.img", lab / "growing.img"
    for disk in (fixed, growing):
        with disk.open("wb") as file:
            file.truncate(64 << 20)
    update = "tgtadm --lld iscsi --op update --mode logicalunit --tid 1 --lun 1 --params"
    inside(
        lab,
        f"""set -e
        uml_mconsole {lab}/uml/node1/mconsole 'config ubdb={fixed}::fixed-0123456789'
        tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 --backing-store {growing}
        {update} scsi_sn=growing-0123456789
        node-shell 1 -c 'echo "- - 1" >/sys/class/scsi_host/host0/scan; udevadm settle'
        """,
    )
    links = inside(lab, "node-shell 1 -c 'ls /dev/disk/by-id'").split()
    assert {"virtio-fixed-0123456789", "virtio-growing-0123456789"} <= set(links)

    with growing.open("r+b") as file:
        file.truncate(96 << 20)
    size = inside(
        lab,
        f"""set -e
        {update} online=0; {update} path={growing}; {update} online=1
        node-shell 1 -c 'disk=$(readlink -f /dev/disk/by-id/virtio-growing-0123456789)
          echo 1 >/sys/class/block/$(basename $disk)/device/rescan; blockdev --getsize64 $disk
          echo 1 >/sys/class/block/$(basename $disk)/device/delete'
        tgtadm --lld iscsi --op delete --mode logicalunit --tid 1 --lun 1
        uml_mconsole {lab}/uml/node1/mconsole 'remove ubdb' >/dev/null
        """,
    )
    assert int(size) == 96 << 20


def test_node_shell_passes_output_and_status(lab: Path) -> None:
    done = subprocess.run(
        [lab / "bin/node-shell", "1"],
        input="hostname; exit 7",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("node1\n", 7)


def test_node_state_tells_a_node_that_hangs(lab: Path) -> None:
    def state() -> tuple[int, str]:
        done = subprocess.run(
            [lab / "bin/node-state", "1"], capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout

    status, told = state()
    assert status == 0
    assert "MemAvailable:" in told
    inside(lab, "node-shell 1 -c 'pkill --signal STOP --oldest containerd'")
    status, told = state()
    inside(lab, "node-shell 1 -c 'pkill --signal CONT --oldest containerd'")
    assert status == 1
    assert told.endswith("node1 hangs\n")
    assert state()[0] == 0


def test_killed_lab_is_repaired(lab: Path) -> None:
    os.kill(int((lab / "run/holder.pid").read_text()), signal.SIGKILL)
    assert changes(lab, "present") > 0
    assert ready_nodes(lab) == "True"
    assert changes(lab, "present") == 0


def test_what_has_died_alone_is_started_again(lab: Path) -> None:
    inside(lab, f"kill -KILL $(cat {lab}/run/kube-controller-manager.pid)")
    inside(lab, f"{lab}/bin/node-power off 1")
    before = (lab / "run/etcd.pid").read_text()
    assert changes(lab, "present") > 0
    assert ready_nodes(lab) == "True"
    assert (lab / "run/etcd.pid").read_text() == before


def test_start_cut_short_is_taken_down(lab: Path) -> None:
    changes(lab, "absent")
    run = subprocess.Popen(
        command(lab, "present"), cwd=CHECKOUT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    while not (lab / "run/etcd.pid").exists():
        assert run.poll() is None, "the lab came up, or failed, before etcd was started"
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert changes(lab, "absent") > 0
    assert not lab.exists()
    assert processes_naming(lab) == []


def test_down_leaves_nothing(lab: Path) -> None:
    changes(lab, "absent")
    before = machine()
    changes(lab, "present")
    first = int((lab / "run/init.pid").read_text())
    own = {os.readlink(f"/proc/{first}/ns/{kind}") for kind in NAMESPACES}
    changes(lab, "absent")
    assert not lab.exists()
    assert machine() == before
    assert own & namespaces_in_use() == set()
    assert processes_naming(lab) == []
    assert changes(lab, "absent") == 0


def test_folder_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("mine")
    refused = play(tmp_path, "present")
    assert refused.returncode != 0
    assert f"lab_dir: {tmp_path} is there and is not a lab's" in refused.stdout
    assert changes(tmp_path, "absent") == 0
    assert os.listdir(tmp_path) == ["letters"]
