# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many volumes this node can hold."""

from __future__ import annotations

from dataclasses import dataclass

from ..host.slots import Slots


@dataclass(frozen=True)
class VolumeLimit:
    """The limit, as it is now.

    :ivar volumes: what the operator allows.
    :ivar disks: how many disks the hypervisor gives the server in all, None when that is not known.
    """

    slots: Slots
    volumes: int
    disks: int | None = None

    def now(self) -> int:
        """Return at least 1: 0 would mean that there is no limit. Nova refuses a server that is full."""
        if self.disks is None:
            return self.volumes
        return max(1, min(self.volumes, self.disks - self.slots.taken_by_others()))
