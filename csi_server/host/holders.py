# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel makes of a disk: partitions, mappings, and filesystems in use in any mount namespace."""

from __future__ import annotations

import os
from collections.abc import Iterator

#: Filesystems with a folder in sysfs for each device that they are mounted from.
_SHOWN_IN_SYSFS = ("ext4", "xfs", "f2fs")


def numbers_on(sys: str, number: str) -> Iterator[str]:
    """Yield the numbers of a device, of its partitions, and of what is made of any of them.

    :param sys: where sysfs is mounted.
    :param number: ``major:minor``.
    """
    return _numbers_in(os.path.join(sys, "dev", "block", number))


def has_filesystem_in_use(sys: str, number: str) -> bool:
    """Whether the device is mounted anywhere, in the mount namespaces that this process does not see as well.

    It still is when its last mount has just been taken away, and the kernel writes out what is left.
    """
    name = os.path.basename(os.path.realpath(os.path.join(sys, "dev", "block", number)))
    return any(os.path.exists(os.path.join(sys, "fs", kind, name)) for kind in _SHOWN_IN_SYSFS)


def _numbers_in(folder: str) -> Iterator[str]:
    try:
        with open(os.path.join(folder, "dev"), encoding="ascii") as file:
            yield file.read().strip()
        entries = [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return
    holders = os.path.join(folder, "holders")
    if os.path.isdir(holders):
        entries += [os.path.join(holders, name) for name in os.listdir(holders)]
    for entry in entries:
        partition = os.path.exists(os.path.join(entry, "partition"))
        if partition or os.path.dirname(entry) == holders:
            yield from _numbers_in(entry)
