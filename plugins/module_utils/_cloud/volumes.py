# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: volumes.

Source: Block Storage API v3, "Volumes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from . import by_id
from .api import Api
from .errors import Busy, Failed, InvalidRequest, NotFound, OutOfCapacity
from .listing import listed
from .messages import Messages
from .paths import segment
from .polling import SharedPoller
from .shared_listing import Crowd, Pause
from .volume import COMING, FILLING, NOT_MADE, USABLE, Origin, Volume, VolumeRequest, from_api, to_api
from .volume_names import VolumeNames
from .volume_types import default_volume_type, list_volume_types
from .waiting import Deadline, LearnedPace, PaceSource

R = TypeVar("R")

#: The first version whose volumes tell whether they can be attached more than once.
MICROVERSION = "3.50"
#: What Cinder's scheduler says when no back end takes a volume: to users, and in its own error.
NO_BACK_END = ("available weighted backend", "No valid backend")


@dataclass(frozen=True)
class Paces:
    """How soon each kind of wait looks first: to begin with, as soon as a quick cloud is ready."""

    usable: PaceSource = field(default_factory=lambda: LearnedPace("volume_available", 0.35))
    gone: PaceSource = field(default_factory=lambda: LearnedPace("volume_deleted", 0.35))
    attached: PaceSource = field(default_factory=lambda: LearnedPace("volume_attached", 0.4))
    detached: PaceSource = field(default_factory=lambda: LearnedPace("volume_detached", 0.35))
    listing: Pause = field(default_factory=Pause)
    filled: PaceSource = field(default_factory=lambda: LearnedPace("volume_filled", 0.35))
    """Of volumes that are made of a snapshot, a volume or a backup: how long that takes, its size decides."""


class Volumes:
    """Adapter over Cinder's API: volumes and their attachments. What changes a volume: volume_changes.py.

    :param api: Cinder, at MICROVERSION or later.
    :param mine: metadata that the caller's volumes carry: the shared listing is of those alone.
    """

    def __init__(self, api: Api, mine: dict[str, str], paces: Paces | None = None) -> None:
        self._api = api
        self._mine = mine
        self._paces = paces or Paces()
        self._messages = Messages(api)
        self._crowd, listing = Crowd(), self._paces.listing
        self._names = VolumeNames(api, self._crowd, listing)
        self._poller: SharedPoller[Volume] = SharedPoller(
            self.find, self.all_mine, api.observer, self._crowd, listing
        )

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None:
        """Return the volume, None when there is none of that id."""
        found = by_id.shown(self._api, "volume", volume_id, deadline)
        return None if found is None else from_api(found)

    def named(self, name: str, deadline: Deadline) -> list[Volume]:
        """Return the volumes of exactly that name."""
        with self._crowd.joined():
            if self._names.is_surely_free(name, deadline):
                return []
            found = self._list({"name": name}, f"look for volume {name}", deadline)
            return [volume for volume in found if volume.name == name]

    def type_is_multiattach(self, volume_type: str, deadline: Deadline) -> bool | None:
        """Say whether a type's volumes can be attached more than once, None when Cinder does not tell.

        :param volume_type: its name or id; empty for the project's default type.
        """
        if not volume_type:
            default = default_volume_type(self._api, deadline)
            return default.multiattach if default else None
        known = list_volume_types(self._api, deadline)
        return next((each.multiattach for each in known if volume_type in (each.id, each.name)), None)

    def zones(self, deadline: Deadline) -> list[str]:
        """Return the names of Cinder's availability zones that take volumes."""
        body = self._api.request(
            "availability_zone_list", "GET", "/os-availability-zone", "list the availability zones", deadline
        )
        return [
            each["zoneName"]
            for each in body["availabilityZoneInfo"]
            if (each.get("zoneState") or {}).get("available", True)
        ]

    def create(self, request: VolumeRequest, deadline: Deadline) -> Volume:
        """Ask for a volume and return it as it is then, hardly ever ready.

        :raises InvalidRequest: no such type or zone, or a size that is none.
        :raises QuotaExceeded: with Cinder's own reason.
        """
        try:
            body = self._api.request(
                "volume_create",
                "POST",
                "/volumes",
                f"create volume {request.name}",
                deadline,
                json=to_api(request),
            )
        except NotFound as missing:
            raise InvalidRequest(missing.message, missing.request_id) from missing
        # Of a backup the answer does not tell.
        return replace(from_api(body["volume"]), origin=request.origin)

    def wait_until_usable(self, volume: Volume, deadline: Deadline) -> Volume:
        """Wait until a volume can be attached.

        :raises OutOfCapacity: no back end took it; the message holds Cinder's reason.
        :raises Failed: it was not made, for another reason.
        :raises Busy: it was made, and something else is being done to it, or has failed.
        :raises NotFound: somebody deleted it meanwhile.
        :raises Timeout: it is still on its way.
        """

        def judge(now: Volume | None) -> Volume | None:
            if now is None:
                raise NotFound(f"{volume} has been deleted while it was being created")
            if now.status in USABLE:
                return now
            if now.status in COMING:
                return None
            if now.status not in NOT_MADE:
                raise Busy(f"{now} is there, and cannot be used now: its status is {now.status}")
            reason = self._reason(now, deadline)
            kind = OutOfCapacity if any(words in reason for words in NO_BACK_END) else Failed
            raise kind(f"Cinder could not create {now}: {reason}")

        is_filled = volume.origin != Origin() or volume.status in FILLING
        pace = self._paces.filled if is_filled else self._paces.usable
        return self._poller.wait(volume.id, judge, f"{volume} to become available", deadline, pace)

    def set_metadata(self, volume_id: str, metadata: dict[str, str], deadline: Deadline) -> None:
        """Set these keys of a volume's metadata, and leave its others as they are."""
        self._api.request(
            "volume_metadata_set",
            "POST",
            f"/volumes/{segment(volume_id)}/metadata",
            f"set metadata of volume {volume_id}",
            deadline,
            json={"metadata": metadata},
        )

    def delete(self, volume_id: str, deadline: Deadline) -> bool:
        """Ask for a volume to be deleted. Return whether there is anything to wait for.

        :raises InUse: the volume's state, an attachment or a snapshot forbids it.
        """
        return by_id.delete(self._api, "volume", volume_id, deadline)

    def snapshots_of(self, volume_id: str, deadline: Deadline) -> list[str]:
        """Return the ids of a volume's snapshots, whoever took them."""
        action = f"list the snapshots of volume {volume_id}"
        found = listed(self._api, "snapshot_list", "snapshots", {"volume_id": volume_id}, action, deadline)
        return [each["id"] for each in found]

    def wait_until_gone(self, volume_id: str, deadline: Deadline) -> None:
        """Wait until a volume that is being deleted does not exist any more.

        :raises Failed: Cinder could not delete it; the message holds its reason.
        """
        by_id.wait_until_gone(
            self._poller,
            "volume",
            volume_id,
            lambda now: self._reason(now, deadline),
            deadline,
            self._paces.gone,
        )

    def wait_until_attached(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume:
        """Wait until a volume lists a completed attachment to a server.

        :raises Failed: the attachment was given up: the volume is free again.
        """

        def judge(now: Volume | None) -> Volume | None:
            if now is None:
                raise NotFound(f"volume {volume_id} does not exist")
            if now.attached_to(server_id):
                return now
            if now.status in ("available", "error", "error_attaching"):
                # Of a volume that is free again, the newest message may be about something else.
                said = "" if now.status == "available" else self._messages.reason(volume_id, deadline)
                reason = said or f"the volume's status is {now.status}"
                raise Failed(f"Nova could not attach {now} to server {server_id}: {reason}")
            return None

        return self._poller.wait(
            volume_id, judge, f"volume {volume_id} to be attached", deadline, self._paces.attached
        )

    def wait_until_detached(self, volume_id: str, server_id: str, deadline: Deadline) -> str:
        """Wait until a volume lists no attachment to a server. Return its status, empty when it is gone.

        :raises Failed: the detachment was given up: the volume is in use again.
        """

        def judge(now: Volume | None) -> str | None:
            if now is None:
                return ""
            if not now.attached_to(server_id):
                return now.status if now.attachments or now.status not in ("in-use", "detaching") else None
            if now.status in ("in-use", "error", "error_detaching") and not now.multiattach:
                raise Failed(
                    f"Nova could not detach {now} from server {server_id}: its status is {now.status};"
                    " the device may still be in use on the node"
                )
            return None

        return self._poller.wait(
            volume_id, judge, f"volume {volume_id} to be detached", deadline, self._paces.detached
        )

    def watch(
        self,
        volume_id: str,
        judge: Callable[[Volume | None], R | None],
        what: str,
        deadline: Deadline,
        pace: PaceSource,
    ) -> R:
        """Look at a volume, together with all others that are waited for. See SharedPoller.wait."""
        return self._poller.wait(volume_id, judge, what, deadline, pace)

    def all_mine(self, deadline: Deadline) -> dict[str, Volume]:
        """Return the volumes that carry the caller's metadata, by id."""
        listed = self._list({"metadata": str(self._mine)}, "list the volumes", deadline)
        return {volume.id: volume for volume in listed}

    def _reason(self, volume: Volume, deadline: Deadline) -> str:
        return self._messages.reason(volume.id, deadline) or f"its status is {volume.status}"

    def _list(self, filters: dict[str, str | int], action: str, deadline: Deadline) -> Iterator[Volume]:
        for each in listed(self._api, "volume_list", "volumes", filters, action, deadline):
            yield from_api(each)
