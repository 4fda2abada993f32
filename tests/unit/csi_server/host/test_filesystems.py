# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server.host.commands import Finished
from ansible_collections.mooring.storage.csi_server.host.devices import Device
from ansible_collections.mooring.storage.csi_server.host.errors import (
    CommandFailed,
    HostError,
    UnknownSignature,
)
from ansible_collections.mooring.storage.csi_server.host.filesystems import (
    Filesystems,
    Signature,
    chosen_filesystem,
    format_options,
    parse_probe,
)
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import (
    GIB,
    VOLUME,
    Machine,
    unfinished_xfs,
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def device(machine: Machine) -> Device:
    return Device(str(machine.plug("vdb", VOLUME)), "253:0", GIB)


@pytest.fixture
def filesystems(machine: Machine) -> Filesystems:
    return Filesystems(machine)


def test_what_blkid_finds_and_does_not_name_is_not_blank(
    machine: Machine, device: Device, filesystems: Filesystems
) -> None:
    machine.answers["blkid"] = Finished(0, "SBBADCSUM=1\n", "")
    with pytest.raises(UnknownSignature, match="SBBADCSUM"):
        filesystems.prepare(device, "ext4")
    assert machine.programs() == ["blkid"]


def test_what_blkid_says() -> None:
    assert parse_probe("") is None
    assert parse_probe("DEVNAME=/dev/vdb\nPTUUID=1\nPTTYPE=gpt\n") == Signature(partition_table="gpt")
    assert parse_probe("DEVNAME=/dev/vdb\nUUID=a=b\nTYPE=ext4\nUSAGE=filesystem\n") == Signature(
        "ext4", "filesystem"
    )


@pytest.mark.parametrize(
    ("there", "asked", "chosen"),
    [
        ("", "", "ext4"),
        ("", "xfs", "xfs"),
        ("ext4", "ext4", "ext4"),
        ("xfs", "", "xfs"),
        ("ext3", "", "ext3"),
    ],
)
def test_choice(there: str, asked: str, chosen: str) -> None:
    assert chosen_filesystem(Signature(there) if there else None, asked) == chosen


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        ("TYPE=ext4", "xfs"),
        ("TYPE=xfs", "ext4"),
        ("TYPE=ext4", "ext3"),
        ("TYPE=btrfs", ""),
        ("TYPE=crypto_LUKS\nUSAGE=crypto", "ext4"),
        ("TYPE=LVM2_member\nUSAGE=raid", "ext4"),
        ("TYPE=linux_raid_member\nUSAGE=raid", "ext4"),
        ("TYPE=swap\nUSAGE=other", ""),
        ("PTTYPE=gpt", "ext4"),
        ("PTTYPE=dos", ""),
    ],
)
def test_what_carries_something_else_is_never_formatted(
    machine: Machine, device: Device, filesystems: Filesystems, probe: str, asked: str
) -> None:
    machine.probes[device.path] = probe + "\n"
    with pytest.raises(UnknownSignature, match="neither formatted nor mounted"):
        filesystems.prepare(device, asked)
    assert machine.programs() == ["blkid"]


@pytest.mark.parametrize("fs_type", ["ext4", "ext3", "xfs"])
def test_a_blank_device_is_formatted_once(
    machine: Machine, device: Device, filesystems: Filesystems, fs_type: str
) -> None:
    assert filesystems.prepare(device, fs_type) == fs_type
    assert filesystems.prepare(device, fs_type) == fs_type
    assert machine.programs().count(f"mkfs.{fs_type}") == 1
    assert ("e2fsck" in machine.programs()) == (fs_type != "xfs")


@pytest.mark.parametrize("asked", ["xfs", ""])
def test_xfs_that_was_not_finished_is_formatted_again(
    machine: Machine, device: Device, filesystems: Filesystems, asked: str
) -> None:
    with open(device.path, "r+b") as disk:
        disk.write(unfinished_xfs(GIB))
    machine.probes[device.path] = "TYPE=xfs\n"
    with pytest.raises(UnknownSignature, match="neither formatted nor mounted"):
        filesystems.prepare(device, "ext4")
    assert filesystems.existing(device, asked) == "xfs"
    assert set(machine.programs()) == {"blkid"}
    for dummy in range(2):
        assert filesystems.prepare(device, asked) == "xfs"
    [formatted] = [call for call in machine.calls if call[0] == "mkfs.xfs"]
    assert formatted[-2:] == ["-f", device.path]


@pytest.mark.parametrize(
    ("kernel", "old"),
    [
        ("4.18.0-553.el8_10.x86_64", True),
        ("5.4.0-190-generic", True),
        ("5.10.0-32-amd64", False),
        ("6.1", False),
    ],
)
def test_xfs_is_made_such_that_this_kernel_can_mount_it(
    machine: Machine, device: Device, kernel: str, old: bool
) -> None:
    Filesystems(machine, kernel).prepare(device, "xfs")
    assert ("bigtime=0,inobtcount=0" in machine.calls[-1]) == old
    assert "-f" not in machine.calls[-1]
    assert "-m" not in format_options("ext4", kernel)


def test_a_blank_device_that_may_only_be_read(
    machine: Machine, device: Device, filesystems: Filesystems
) -> None:
    with pytest.raises(UnknownSignature, match="carries no filesystem"):
        filesystems.existing(device, "ext4")
    assert machine.programs() == ["blkid"]


def test_a_device_that_cannot_be_read_is_not_called_blank(machine: Machine, filesystems: Filesystems) -> None:
    for gone in (
        Device("/nonexistent", "1:1", GIB),
        Device(str(machine.plug("vdb", size=512)), "253:0", GIB),
    ):
        with pytest.raises(HostError, match="cannot read"):
            filesystems.prepare(gone, "ext4")
    assert machine.calls == []


def test_a_probe_that_complains_is_not_an_empty_device(
    machine: Machine, device: Device, filesystems: Filesystems
) -> None:
    machine.answers["blkid"] = Finished(2, "", "error: Input/output error")
    with pytest.raises(CommandFailed, match="could not read"):
        filesystems.prepare(device, "ext4")
    assert machine.programs() == ["blkid"]


def test_several_signatures(machine: Machine, device: Device, filesystems: Filesystems) -> None:
    machine.answers["blkid"] = Finished(8, "", "ambivalent result")
    with pytest.raises(UnknownSignature, match="several signatures"):
        filesystems.prepare(device, "ext4")
    assert machine.programs() == ["blkid"]


def test_growing(machine: Machine, device: Device, filesystems: Filesystems) -> None:
    filesystems.grow(device, "ext4", "/staged")
    filesystems.grow(device, "xfs", "/staged")
    assert machine.calls == [["resize2fs", device.path], ["xfs_growfs", "/staged"]]
