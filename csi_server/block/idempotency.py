# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes as CSI wants them: each call may come again, and comes to the same end.

Between the servicer and the cloud: creating means create, or find, compare and adopt; what is
deleted already is deleted.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Protocol

from ...plugins.module_utils._cloud.errors import (
    Busy,
    CloudError,
    Conflict,
    HasSnapshots,
    InUse,
    InvalidRequest,
    NotFound,
    ZoneRefused,
)
from ...plugins.module_utils._cloud.volume import COMING, USABLE, Hints, Origin, Volume, VolumeRequest
from ...plugins.module_utils._cloud.waiting import Deadline
from . import names
from .outcome import UNFINISHED, Askings, HandedOut, removing
from .recent import STILL_TRUE, Recent
from .sizes import SizeRange

#: Seconds for which it is remembered what a volume was to be when its backup has been restored.
LONGEST_RESTORE = 86400.0
#: What Cinder says of a source that is restored, attached, extended... in the moment; it tells no other code.
_SOURCE_BUSY = "status must be one of"


class VolumesPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.volumes.Volumes for what each call means."""

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None: ...
    def named(self, name: str, deadline: Deadline) -> list[Volume]: ...
    def all_mine(self, deadline: Deadline) -> dict[str, Volume]: ...
    def zones(self, deadline: Deadline) -> list[str]: ...
    def type_is_multiattach(self, volume_type: str, deadline: Deadline) -> bool | None: ...
    def create(self, request: VolumeRequest, deadline: Deadline) -> Volume: ...
    def wait_until_usable(self, volume: Volume, deadline: Deadline) -> Volume: ...
    def set_metadata(self, volume_id: str, metadata: dict[str, str], deadline: Deadline) -> None: ...
    def delete(self, volume_id: str, deadline: Deadline) -> bool: ...
    def snapshots_of(self, volume_id: str, deadline: Deadline) -> list[str]: ...
    def wait_until_gone(self, volume_id: str, deadline: Deadline) -> None: ...


class BlockVolumes:
    """The volumes of one cluster.

    :param mine: metadata that marks a volume as made by this driver for this cluster.
    """

    def __init__(self, volumes: VolumesPort, mine: Mapping[str, str]) -> None:
        self._volumes = volumes
        self._mine = mine
        self._askings = Askings()
        self._deleted: Recent[str, bool] = Recent(STILL_TRUE)
        self._to_be_encrypted: Recent[str, bool] = Recent(LONGEST_RESTORE)
        self._handed_out = HandedOut()

    def find(self, volume_id: str, deadline: Deadline) -> Volume:
        """Return a volume.

        :raises NotFound: there is none of that id.
        """
        found = self._volumes.find(volume_id, deadline)
        if found is None:
            raise NotFound(f"volume {volume_id} does not exist")
        return found

    def known_as(self, name_or_id: str, deadline: Deadline) -> list[Volume]:
        """Return the volume of that id, or else those of that name."""
        found = self._volumes.find(name_or_id, deadline) if _is_uuid(name_or_id) else None
        return [found] if found else self._volumes.named(name_or_id, deadline)

    def listed(self, deadline: Deadline) -> list[Volume]:
        """Return the cluster's volumes."""
        return list(self._volumes.all_mine(deadline).values())

    def begun(self, name: str, source_id: str, restored: str, deadline: Deadline) -> Volume | None:
        """Return the volume of that name that was made of that source here, None when there is none.

        :param restored: the description of one that was made of a backup of that id: with the data, Cinder
            restores another volume's metadata.
        :raises Busy: it may still be made.
        """
        self._askings.check(name)
        for volume in self._volumes.named(name, deadline):
            of = _origin(volume)
            if self._is_mine(volume) and source_id in (of.snapshot_id, of.volume_id, of.backup_id):
                return replace(volume, origin=of)
            if volume.description == restored:
                return replace(volume, origin=Origin(backup_id=source_id))
        return None

    def create(
        self,
        request: VolumeRequest,
        sizes: SizeRange,
        deadline: Deadline,
        zones: Collection[str] = (),
        hints: Callable[[], Hints] = Hints,
    ) -> Volume:
        """Return a volume of that name that can be attached: the one there is, or a new one.

        A volume that Cinder fails to create is deleted again before the error is raised, and so is one
        that cannot be attached as often as asked for. A volume that was returned already is not deleted: it
        may hold data by now.

        :param zones: where one that is there may be, beside the zone asked for.
        :param hints: asked for when a new one is needed. What it raises would leave behind one that an
            earlier call began.
        :raises Conflict: one of that name is there, and is not what is asked for.
        :raises Unavailable, Timeout, Busy: a volume may be there, or come: ask again. No other error
            leaves one behind, so that nobody needs to ask for its deletion.
        """
        volume = self._adopt(request, sizes, zones, deadline)
        if volume is None:
            self._askings.check(request.name)
            volume = self._create(replace(request, hints=hints()), deadline)
        if request.origin.backup_id and volume.encrypted:
            self._to_be_encrypted.put(volume.id, True)
        if volume.status not in USABLE:
            try:
                volume = self._volumes.wait_until_usable(volume, deadline)
            except (NotFound, *UNFINISHED):
                raise
            except CloudError as failure:
                self._handed_out.check(volume.id, f"{volume} was made before", failure)
                self._remove(volume, failure, deadline)
                raise
        if request.origin.backup_id:
            volume = self._restored(volume, request, deadline)
        self._handed_out.put(volume.id)
        return volume

    def _restored(self, volume: Volume, request: VolumeRequest, deadline: Deadline) -> Volume:
        """Return a volume with what restoring a backup has taken from it.

        With the data, Cinder restores the metadata of the volume that was backed up, and whether it was
        encrypted. The first is set right again; the second cannot be.
        """
        if self._to_be_encrypted.get(volume.id) and not volume.encrypted:
            refusal = InvalidRequest(
                f"backup {request.origin.backup_id} is of a volume that was not encrypted, and volume type"
                f" {volume.type} encrypts: restore it with a type that does not, and copy the data"
            )
            raise self._given_up(volume, refusal, deadline)
        lost = {key: value for key, value in request.metadata.items() if volume.metadata.get(key) != value}
        if lost:
            self._volumes.set_metadata(volume.id, lost, deadline)
        return replace(volume, metadata={**volume.metadata, **lost})

    def _create(self, request: VolumeRequest, deadline: Deadline) -> Volume:
        if not request.multiattach:
            return self._placed(request, deadline)
        named = f"volume type {request.type}" if request.type else "the default volume type"
        refusal = InvalidRequest(
            f"{named} makes volumes for one node at a time: for access from several nodes give a type with"
            " the extra spec multiattach='<is> True'"
        )
        copied = request.origin.snapshot_id or request.origin.volume_id
        # Left out, the type of a copy is that of its source.
        if (request.type or not copied) and self._volumes.type_is_multiattach(
            request.type, deadline
        ) is False:
            raise refusal
        volume = self._placed(request, deadline)
        if volume.multiattach:
            return volume
        raise self._given_up(volume, refusal, deadline)

    def _placed(self, request: VolumeRequest, deadline: Deadline) -> Volume:
        """Ask for a volume, and see that it is in the zone asked for."""
        volume = self._ask(request, deadline)
        if volume.zone in ("", request.zone) or not request.zone:
            return volume
        refusal = ZoneRefused(
            f"Cinder put {volume} in availability zone {volume.zone} instead of {request.zone}"
            " (its allow_availability_zone_fallback), where nodes may not reach it: --zone-map says which"
            " zones of Nova and of Cinder go together, ignore-volume-az that nodes reach volumes everywhere"
        )
        raise self._given_up(volume, refusal, deadline)

    def _given_up(self, volume: Volume, refusal: InvalidRequest, deadline: Deadline) -> InvalidRequest:
        """Delete a volume that is not what was asked for. Return the refusal.

        :raises Unavailable: it is still there.
        """
        with removing(volume, refusal):
            self.delete(volume.id, deadline)
        return refusal

    def _ask(self, request: VolumeRequest, deadline: Deadline) -> Volume:
        try:
            with self._askings.asking(request.name):
                return self._volumes.create(request, deadline)
        except InvalidRequest as refused:
            if request.zone:
                self._check_zone(request.zone, refused, deadline)
            if _SOURCE_BUSY in refused.message:
                raise Busy(f"{request.origin} cannot be copied now: {refused.message}") from refused
            if request.zone and "availability zone" in refused.message.lower():
                raise ZoneRefused(refused.message, refused.request_id) from refused
            raise

    def _check_zone(self, zone: str, refused: InvalidRequest, deadline: Deadline) -> None:
        try:
            known = self._volumes.zones(deadline)
        except CloudError:
            # Cinder's own words have to do.
            return
        if zone not in known:
            raise ZoneRefused(
                f"Cinder has no availability zone {zone!r}: known are {', '.join(sorted(known))}; where Nova"
                " has other names for its zones, --zone-map says which go together",
                refused.request_id,
            ) from refused

    def _adopt(
        self, request: VolumeRequest, sizes: SizeRange, zones: Collection[str], deadline: Deadline
    ) -> Volume | None:
        namesakes = self._volumes.named(request.name, deadline)
        for volume in namesakes:
            if not self._is_mine(volume) and not _is_restored(volume, request):
                raise Conflict(f"{volume} exists and was not made by this driver for this cluster")
            if volume.status == "deleting":
                raise Busy(f"{volume} is being deleted")
            for what, has, wants in _differences(volume, request, sizes, zones):
                raise Conflict(f"{volume} exists with {what} {has}; asked for is {wants}")
        # A retry of a request whose answer was lost may have left two: use the one that got further.
        return min(
            namesakes,
            key=lambda each: (not each.attachments, each.status not in USABLE, each.id),
            default=None,
        )

    def _is_mine(self, volume: Volume) -> bool:
        return all(volume.metadata.get(key) == value for key, value in self._mine.items())

    def _remove(self, volume: Volume, failure: CloudError, deadline: Deadline) -> None:
        """Return when a volume that failed is gone.

        :raises Unavailable: it is still there, or has not failed after all.
        """
        with removing(volume, failure):
            now = self._volumes.find(volume.id, deadline)
            if now is None:
                return
            if now.status in USABLE or now.status in COMING:
                raise Busy(f"its status is now {now.status}")
            self.delete(volume.id, deadline)

    def delete(self, volume_id: str, deadline: Deadline) -> bool:
        """Return when there is no volume of that id: whether there was one.

        :raises InUse: it is attached, or has snapshots.
        """
        was_there = self._deleted.get(volume_id)
        if was_there is None:
            was_there = self._delete(volume_id, deadline)
            if was_there:
                self._volumes.wait_until_gone(volume_id, deadline)
            self._deleted.put(volume_id, was_there)
        return was_there

    def _delete(self, volume_id: str, deadline: Deadline) -> bool:
        """Have a volume deleted. Return whether there is anything to wait for."""
        try:
            return self._volumes.delete(volume_id, deadline)
        except InUse as refused:
            now = self._volumes.find(volume_id, deadline)
            if now is None:
                return False
            if now.attachments:
                raise InUse(
                    f"{now} is attached to {now.holders()}: it can be deleted when it is detached"
                ) from refused
            if now.status in COMING:
                self._volumes.wait_until_usable(now, deadline)
                return self._volumes.delete(volume_id, deadline)
            if now.status == "deleting":
                return True
            if snapshots := self._volumes.snapshots_of(volume_id, deadline):
                raise HasSnapshots(
                    f"{now} has snapshots, which have to be deleted first: {', '.join(snapshots)}"
                ) from refused
            raise


def _differences(
    volume: Volume, request: VolumeRequest, sizes: SizeRange, zones: Collection[str]
) -> list[tuple[str, str, str]]:
    """What tells a volume from the one asked for: what, as it is, as it was asked for."""
    found = []
    if not sizes.holds(volume.size):
        found.append(("size", f"{volume.size} GiB", str(sizes)))
    # A StorageClass may name a type by its id; Cinder's volumes tell the name alone.
    if request.type and not _is_uuid(request.type) and request.type != volume.type:
        found.append(("type", volume.type, request.type))
    if request.multiattach and not volume.multiattach:
        found.append(("attachments", "to one node at a time", "to several"))
    if request.zone and volume.zone not in (request.zone, *zones):
        found.append(("availability zone", volume.zone, request.zone))
    origin = _origin(volume)
    if request.origin != origin and not _is_restored(volume, request):
        found.append(("the content of", str(origin), str(request.origin)))
    return found


def _origin(volume: Volume) -> Origin:
    """What a volume was made of; a backup is in its metadata alone."""
    return replace(volume.origin, backup_id=volume.metadata.get(names.FROM_BACKUP, ""))


def _is_restored(volume: Volume, request: VolumeRequest) -> bool:
    """Say whether a volume was made of the backup that is asked for, whatever its metadata says since."""
    return bool(request.origin.backup_id) and volume.description == request.description


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
