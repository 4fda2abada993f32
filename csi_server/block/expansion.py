# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expansion as CSI wants it: the call may come again, and comes to the same end."""

from __future__ import annotations

from typing import Protocol

from ...plugins.module_utils._cloud.errors import (
    Busy,
    Failed,
    InUse,
    InvalidRequest,
    NotFound,
    OutOfCapacity,
    OutOfRange,
)
from ...plugins.module_utils._cloud.volume import Volume
from ...plugins.module_utils._cloud.waiting import Deadline
from .sizes import SizeRange


class ExtendedVolumesPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.volume_changes.VolumeChanges."""

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None: ...
    def extend(self, volume_id: str, size: int, deadline: Deadline) -> None: ...
    def wait_until_settled(self, volume_id: str, deadline: Deadline) -> Volume: ...
    def reason(self, volume_id: str, deadline: Deadline) -> str: ...


class VolumeExpansion:
    """Volumes that grow, attached or not."""

    def __init__(self, volumes: ExtendedVolumesPort) -> None:
        self._volumes = volumes

    def expand(self, volume_id: str, sizes: SizeRange, deadline: Deadline) -> Volume:
        """Return a volume that has one of the sizes: extended, or so large already.

        :raises NotFound: there is no volume of that id.
        :raises OutOfRange: it is larger than the largest of the sizes.
        :raises QuotaExceeded: the project's quota does not allow it.
        :raises OutOfCapacity: its back end has no room.
        :raises InUse: its back end does not do it while the volume is attached.
        :raises Busy: something else is being done to it.
        """
        try:
            self._volumes.extend(volume_id, sizes.least, deadline)
        except InvalidRequest as refused:
            volume = self._after_refusal(volume_id, sizes, refused, deadline)
        else:
            volume = self._extended(volume_id, sizes, deadline)
        if not sizes.holds(volume.size):
            raise OutOfRange(f"{volume} has {volume.size} GiB already; asked for is {sizes}")
        return volume

    def _after_refusal(
        self, volume_id: str, sizes: SizeRange, refused: InvalidRequest, deadline: Deadline
    ) -> Volume:
        volume = self._volumes.find(volume_id, deadline)
        if volume is None:
            raise NotFound(f"volume {volume_id} does not exist") from refused
        if volume.status == "extending":
            # An earlier call's work, which may have asked for less.
            volume = self._volumes.wait_until_settled(volume_id, deadline)
        if volume.size >= sizes.least:
            return volume
        if volume.status.startswith("error"):
            reason = self._volumes.reason(volume_id, deadline)
            raise Failed(
                f"{volume} cannot be extended: its status is {volume.status} ({reason})"
            ) from refused
        if volume.status not in ("available", "in-use"):
            raise Busy(f"{volume} cannot be extended now: its status is {volume.status}") from refused
        # What was in the way may be over. If it is not, this refusal is the answer.
        self._volumes.extend(volume_id, sizes.least, deadline)
        return self._extended(volume_id, sizes, deadline)

    def _extended(self, volume_id: str, sizes: SizeRange, deadline: Deadline) -> Volume:
        volume = self._volumes.wait_until_settled(volume_id, deadline)
        if volume.size >= sizes.least:
            return volume
        reason = self._volumes.reason(volume_id, deadline)
        if volume.attachments:
            raise InUse(
                f"Cinder gave up extending {volume} while it is attached: {reason}. Its back end has no"
                " room, or extends volumes only while they are not attached"
            )
        raise OutOfCapacity(f"Cinder gave up extending {volume}: {reason}")
