# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of a filesystem, from what is written at the start of its device.

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
