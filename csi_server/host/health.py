# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel knows of disks and of the filesystems on them once something has gone wrong.

Nothing here reads a disk: a disk that does not answer would hold the reader for ever.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from .devices import Device

#: What sysfs calls a disk that works: of SCSI, of NVMe.
_WORKING = frozenset({"running", "live"})
_ANSWERS_NO_MORE = frozenset({errno.EIO, errno.ENOTCONN, errno.ESHUTDOWN})


class Health:
    """The kernel's view.

    :param sys: where sysfs is mounted.
    """

    def __init__(self, sys: str = "/sys") -> None:
        self._sys = sys

    def trouble_of(self, device: Device) -> str:
        """Return the state of a disk that does not work, such as ``offline``; empty for one that does.

        A bus that tells no state, such as virtio, has none that does not work.
        """
        return self._trouble(os.path.join(self._sys, "dev", "block", device.number))

    def disks_in_trouble(self) -> Iterator[tuple[str, str]]:
        """Yield name and state of each disk of the machine that does not work."""
        folder = os.path.join(self._sys, "block")
        for name in sorted(os.listdir(folder)):
            if trouble := self._trouble(os.path.join(folder, name)):
                yield name, trouble

    def errors_of(self, device: Device) -> int:
        """Return how many errors ext4 has found on a device since it was checked; for others 0."""
        name = os.path.basename(os.path.realpath(os.path.join(self._sys, "dev", "block", device.number)))
        count = _read(os.path.join(self._sys, "fs", "ext4", name, "errors_count"))
        return int(count) if count.isdigit() else 0

    def _trouble(self, folder: str) -> str:
        state = _read(os.path.join(folder, "device", "state"))
        return "" if state in _WORKING else state


def failure_at(path: str) -> str:
    """Return why a mounted filesystem answers no more, an empty string when it does.

    XFS that was shut down refuses even to look at a folder that is in memory.
    """
    try:
        os.stat(path)
    except OSError as error:
        return str(error.strerror) if error.errno in _ANSWERS_NO_MORE else ""
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
