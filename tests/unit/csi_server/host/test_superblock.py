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

from ansible_collections.mooring.storage.csi_server.host.superblock import LENGTH, filesystem_size

GIB = 1024**3
SEARCHED = f"{os.environ['PATH']}:/usr/sbin:/sbin"


@pytest.mark.parametrize(
    "command",
    [
        ["mkfs.ext4", "-q", "-F"],
        ["mkfs.ext4", "-q", "-F", "-O", "^64bit", "-b", "1024"],
        ["mkfs.ext3", "-q", "-F"],
        ["mkfs.xfs", "-q"],
    ],
    ids=["ext4", "ext4 without 64bit, of small blocks", "ext3", "xfs"],
)
def test_size_of_what_was_made(tmp_path: Path, command: list[str]) -> None:
    program = shutil.which(command[0], path=SEARCHED)
    if program is None:
        pytest.skip(f"needs {command[0]}")
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(2 * GIB)
    subprocess.run([program, *command[1:], str(disk)], check=True)
    with disk.open("rb") as file:
        assert filesystem_size(file.read(LENGTH)) == 2 * GIB


def test_size_beyond_32_bits_of_blocks() -> None:
    start = bytearray(LENGTH)
    for at, value in ((0x04, 5), (0x18, 2), (0x38, 0xEF53), (0x60, 0x80), (0x150, 1)):
        start[1024 + at : 1028 + at] = value.to_bytes(4, "little")
    assert filesystem_size(bytes(start)) == (2**32 + 5) * 4096


@pytest.mark.parametrize("start", [b"", bytes(LENGTH), b"XFSB"])
def test_anything_else_has_none(start: bytes) -> None:
    assert filesystem_size(start) is None
