# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server.host import mounts
from ansible_collections.mooring.storage.csi_server.host.errors import (
    CommandFailed,
    HostError,
    InvalidHostRequest,
)
from ansible_collections.mooring.storage.csi_server.host.mounts import Mounts, parse_mountinfo
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import Machine

# Lines as the kernel writes them: optional fields none, one and two.
MOUNTINFO = r"""
36 35 98:0 / /mnt1 rw,noatime - ext3 /dev/root rw,errors=continue
37 35 98:16 /sub /var/lib/with\040space\011and\134this ro,relatime master:1 shared:7 - xfs /dev/vdb ro,nouuid
38 35 0:5 /vdb /block rw - devtmpfs udev rw
39 36 98:32 / /mnt1 rw - ext4 /dev/vdc rw
cut off
""".strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def kernel(machine: Machine) -> Mounts:
    return Mounts(machine, str(machine.mountinfo))


def test_lines_of_the_kernel() -> None:
    first, second, third, fourth = parse_mountinfo(MOUNTINFO)
    assert (first.number, first.path, first.fs_type, first.source) == ("98:0", "/mnt1", "ext3", "/dev/root")
    assert first.options == {"rw", "noatime"}
    assert (second.path, second.root) == ("/var/lib/with space\tand\\this", "/sub")
    assert second.read_only
    assert not first.read_only
    assert (third.root, third.number) == ("/vdb", "0:5")
    assert fourth.source == "/dev/vdc"


def test_of_several_mounts_at_a_path_the_last_is_seen(machine: Machine, kernel: Mounts) -> None:
    machine.mountinfo.write_text(MOUNTINFO)
    mounted = kernel.at("/mnt1")
    assert mounted is not None
    assert mounted.source == "/dev/vdc"


def test_a_path_through_a_link_is_the_path_of_the_kernel(machine: Machine, kernel: Mounts) -> None:
    real = machine.kubelet / "real"
    real.mkdir()
    machine.mountinfo.write_text(f"36 35 98:0 / {real}/target rw - ext4 /dev/vdb rw\n")
    (machine.kubelet / "link").symlink_to(real)
    assert kernel.at(f"{machine.kubelet}/link/target")
    assert kernel.at(f"{real}/target/")
    assert kernel.at(f"{real}/other") is None


def test_unmounting_takes_all_layers_and_then_nothing(machine: Machine, kernel: Mounts) -> None:
    path = str(machine.kubelet)
    machine.mountinfo.write_text(
        f"1 0 8:0 / {path} rw - ext4 /dev/a rw\n2 1 8:1 / {path} rw - ext4 /dev/b rw\n"
    )
    kernel.unmount(path)
    kernel.unmount(path)
    assert machine.programs() == ["umount", "umount"]


def test_unmounting_is_not_given_up_while_the_kernel_writes_out(machine: Machine, kernel: Mounts) -> None:
    path = str(machine.kubelet)
    machine.mountinfo.write_text(f"1 0 8:0 / {path} rw - ext4 /dev/a rw\n")
    kernel.unmount(path)
    assert machine.timeouts["umount"] >= 3600


def test_mounting_has_time_for_a_journal(machine: Machine, kernel: Mounts) -> None:
    machine.probes[str(machine.plug("vdb"))] = "TYPE=ext4\n"
    kernel.mount(str(machine.dev / "vdb"), str(machine.kubelet / "staged"), "ext4", [])
    assert machine.timeouts["mount"] >= 600


def test_a_bind_that_fails_half_way_is_undone(machine: Machine, kernel: Mounts) -> None:
    target = machine.kubelet / "target"
    machine.mountinfo.write_text(f"1 0 8:0 / {target} rw - ext4 /dev/a rw\n")
    machine.failures["mount"] = "cannot remount"
    with pytest.raises(CommandFailed, match="cannot remount"):
        kernel.bind_directory("/staged", str(target), ["ro"])
    assert kernel.at(str(target)) is None


def test_making_and_removing_targets(tmp_path: Path) -> None:
    mounts.make_directory(str(tmp_path / "a/b"))
    mounts.make_file(str(tmp_path / "c/d"))
    mounts.make_file(str(tmp_path / "c/d"))
    for path in ("a/b", "c/d", "c/d", "never/was"):
        mounts.remove(str(tmp_path / path))
    assert not (tmp_path / "a/b").exists()
    assert not (tmp_path / "c/d").exists()


def test_a_target_of_the_other_kind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidHostRequest, match="as a directory"):
        mounts.make_directory(str(tmp_path / "file"))
    with pytest.raises(InvalidHostRequest, match="as a directory"):
        mounts.make_directory(str(tmp_path / "file/below"))
    with pytest.raises(InvalidHostRequest, match="as a file"):
        mounts.make_file(str(tmp_path))


def test_data_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(HostError, match="cannot remove"):
        mounts.remove(str(tmp_path))
    assert (tmp_path / "data").exists()


def test_of_a_link_only_the_link_is_removed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    mounts.remove(str(tmp_path / "link"))
    assert (tmp_path / "folder").exists()
