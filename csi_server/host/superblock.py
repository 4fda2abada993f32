# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the start of a device tells of the filesystem on it: its size, and whether it was ever finished.

Sources: ext4 "Super Block" of the kernel's documentation; "XFS Algorithms & Data Structures", superblocks.
"""

from __future__ import annotations

import struct

#: Bytes that hold each superblock known here.
LENGTH = 4096
_EXT_AT = 1024
_EXT_MAGIC = b"\x53\xef"
_EXT_64BIT = 0x80
_XFS_MAGIC = b"XFSB"
#: The lower half of a version's last byte, the mark of mkfs, and the place in the log of the last write.
_XFS_VERSION_AT = 101
_XFS_IN_PROGRESS_AT = 126
_XFS_LSN = slice(240, 248)


def filesystem_size(start: bytes) -> int | None:
    """The size in bytes of the ext or XFS filesystem that begins so, None for anything else.

    :param start: the first LENGTH bytes of the device.
    """
    if len(start) < LENGTH:
        return None
    if start[:4] == _XFS_MAGIC:
        block_size, blocks = struct.unpack_from(">IQ", start, 4)
        return int(block_size * blocks)
    if start[_EXT_AT + 0x38 : _EXT_AT + 0x3A] != _EXT_MAGIC:
        return None
    (blocks,) = struct.unpack_from("<I", start, _EXT_AT + 0x04)
    (log_block_size,) = struct.unpack_from("<I", start, _EXT_AT + 0x18)
    (incompatible,) = struct.unpack_from("<I", start, _EXT_AT + 0x60)
    if incompatible & _EXT_64BIT:
        (high,) = struct.unpack_from("<I", start, _EXT_AT + 0x150)
        blocks += high << 32
    return int(blocks << (10 + log_block_size))


def is_unfinished_xfs(start: bytes) -> bool:
    """Whether mkfs.xfs was ended before the XFS that begins so was whole.

    No kernel mounts what has its mark. A copy that was ended half way has it too; what tells that one is the
    LSN of the source, which the kernel writes into the superblock, of version 5 alone.

    :param start: the first LENGTH bytes of the device.
    """
    return (
        len(start) >= LENGTH
        and start[:4] == _XFS_MAGIC
        and start[_XFS_VERSION_AT] & 0x0F == 5
        and start[_XFS_IN_PROGRESS_AT] == 1
        and not any(start[_XFS_LSN])
    )
