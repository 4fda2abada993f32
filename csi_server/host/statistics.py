# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How full a mounted filesystem is."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .errors import HostError


@dataclass(frozen=True)
class Usage:
    """An amount of something, in its unit. For a raw device only the total is known."""

    total: int
    available: int = 0
    used: int = 0


@dataclass(frozen=True)
class Statistics:
    """What NodeGetVolumeStats tells; ``inodes`` is None where there are none."""

    bytes: Usage
    inodes: Usage | None = None


def of_filesystem(path: str) -> Statistics:
    """The figures of the filesystem mounted at ``path``.

    ``available`` is what an unprivileged user may still take, so it may be less than total minus used.
    """
    try:
        figures = os.statvfs(path)
    except OSError as error:
        raise HostError(f"cannot read the usage of {path}: {error}") from error
    return Statistics(
        bytes=Usage(
            total=figures.f_blocks * figures.f_frsize,
            available=figures.f_bavail * figures.f_frsize,
            used=(figures.f_blocks - figures.f_bfree) * figures.f_frsize,
        ),
        inodes=Usage(
            total=figures.f_files,
            available=figures.f_ffree,
            used=figures.f_files - figures.f_ffree,
        ),
    )
