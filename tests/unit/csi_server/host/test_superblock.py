# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Superblocks as the formatting programs write them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server.host.filesystems import format_options
from ansible_collections.mooring.storage.csi_server.host.superblock import (
    LENGTH,
    filesystem_size,
    is_unfinished_xfs,
)
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import unfinished_xfs

GIB = 1024**3
SEARCHED = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def ran(program: str, *arguments: str) -> None:
    found = shutil.which(program, path=SEARCHED)
    if found is None:
        pytest.skip(f"needs {program}")
    subprocess.run([found, *arguments], check=True, capture_output=True)


def made(disk: Path, command: list[str]) -> bytes:
    """The start of a new disk on which the command has made a filesystem."""
    with disk.open("wb") as file:
        file.truncate(2 * GIB)
    ran(*command, str(disk))
    return start_of(disk)


def changed(disk: Path, command: str) -> bytes:
    """The start of the disk after a command of xfs_db's for its superblock."""
    ran("xfs_db", "-x", "-c", "sb 0", "-c", command, str(disk))
    return start_of(disk)


def start_of(disk: Path) -> bytes:
    with disk.open("rb") as file:
        return file.read(LENGTH)


@pytest.mark.parametrize(
    "command",
    [
        ["mkfs.ext4", "-q", "-F"],
        ["mkfs.ext4", "-q", "-F", "-O", "^64bit", "-b", "1024"],
        ["mkfs.ext3", "-q", "-F"],
        ["mkfs.xfs", "-q"],
        ["mkfs.xfs", "-q", *format_options("xfs", "4.18")],
    ],
    ids=["ext4", "ext4 without 64bit, of small blocks", "ext3", "xfs", "xfs of former kernels"],
)
def test_size_of_what_was_made(tmp_path: Path, command: list[str]) -> None:
    start = made(tmp_path / "disk", command)
    assert filesystem_size(start) == 2 * GIB
    assert not is_unfinished_xfs(start)


def test_xfs_that_mkfs_has_not_finished(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    made(disk, ["mkfs.xfs", "-q"])
    assert is_unfinished_xfs(changed(disk, "write inprogress 1"))
    # The kernel has written this one: it is a copy of a filesystem that was in use.
    assert not is_unfinished_xfs(changed(disk, "write lsn 1"))


@pytest.mark.parametrize(("at", "byte"), [(0, 0), (101, 4), (126, 0), (247, 1)])
def test_any_other_xfs_may_have_been_mounted(at: int, byte: int) -> None:
    start = bytearray(unfinished_xfs(GIB))
    assert is_unfinished_xfs(bytes(start))
    start[at] = byte
    assert not is_unfinished_xfs(bytes(start))


def test_size_beyond_32_bits_of_blocks() -> None:
    start = bytearray(LENGTH)
    for at, value in ((0x04, 5), (0x18, 2), (0x38, 0xEF53), (0x60, 0x80), (0x150, 1)):
        start[1024 + at : 1028 + at] = value.to_bytes(4, "little")
    assert filesystem_size(bytes(start)) == (2**32 + 5) * 4096


@pytest.mark.parametrize("start", [b"", bytes(LENGTH), b"XFSB"])
def test_anything_else_has_none(start: bytes) -> None:
    assert filesystem_size(start) is None
    assert not is_unfinished_xfs(start)
