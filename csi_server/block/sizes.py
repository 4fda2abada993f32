# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of Kubernetes and GiB of Cinder."""

from __future__ import annotations

from dataclasses import dataclass

from ...plugins.module_utils._cloud.errors import OutOfRange

GIB = 1024**3


@dataclass(frozen=True)
class SizeRange:
    """The sizes that satisfy a request, in GiB."""

    least: int
    most: int | None
    """None: no limit."""

    def holds(self, size: int) -> bool:
        return size >= self.least and (self.most is None or size <= self.most)

    def __str__(self) -> str:
        return f"at least {self.least} GiB" + ("" if self.most is None else f" and at most {self.most} GiB")


def parse(required_bytes: int, limit_bytes: int) -> SizeRange:
    """Read a CapacityRange. Neither given means 1 GiB or more, Cinder's smallest volume.

    :raises OutOfRange: a negative size, or no whole GiB between the two.
    """
    if required_bytes < 0 or limit_bytes < 0:
        raise OutOfRange(
            f"capacity_range has a negative size: required_bytes {required_bytes}, limit_bytes {limit_bytes}"
        )
    least = max(1, -(-required_bytes // GIB))
    most = limit_bytes // GIB if limit_bytes else None
    if most is not None and most < least:
        raise OutOfRange(
            f"capacity_range required_bytes {required_bytes}, limit_bytes {limit_bytes}: a volume's size is a"
            f" whole number of GiB, so it would be {least} GiB, which is over the limit"
        )
    return SizeRange(least, most)
