# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: snapshots.

Source: Block Storage API v3, "Volume snapshots".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from . import by_id
from .api import Api
from .errors import Failed, InUse, InvalidRequest, NotFound
from .listing import listed
from .messages import Messages
from .polling import SharedPoller
from .snapshot import Snapshot, SnapshotRequest, from_api, to_api
from .waiting import Deadline, LearnedPace, PaceSource


@dataclass(frozen=True)
class Paces:
    """How soon each kind of wait looks first."""

    usable: PaceSource = field(default_factory=lambda: LearnedPace("snapshot_available", 0.35))
    gone: PaceSource = field(default_factory=lambda: LearnedPace("snapshot_deleted", 0.35))


class Snapshots:
    """Adapter over Cinder's API.

    :param api: Cinder, at 3.22 or later, the first version that lists snapshots by their metadata.
    :param mine: metadata that the caller's snapshots carry.
    """

    def __init__(self, api: Api, mine: Mapping[str, str], paces: Paces | None = None) -> None:
        self._api = api
        self._mine = dict(mine)
        self._paces = paces or Paces()
        self._messages = Messages(api)
        self._poller: SharedPoller[Snapshot] = SharedPoller(self.find, self._by_id, api.observer)

    def find(self, snapshot_id: str, deadline: Deadline) -> Snapshot | None:
        """Return the snapshot, None when there is none of that id."""
        found = by_id.shown(self._api, "snapshot", snapshot_id, deadline)
        return None if found is None else from_api(found)

    def named(self, name: str, deadline: Deadline) -> list[Snapshot]:
        """Return the snapshots of exactly that name."""
        found = self._list({"name": name}, f"look for snapshot {name}", deadline)
        return [snapshot for snapshot in found if snapshot.name == name]

    def all_mine(self, volume_id: str, deadline: Deadline) -> list[Snapshot]:
        """Return the caller's snapshots, of one volume or, for an empty id, of all."""
        filters = {"metadata": str(self._mine), **_of(volume_id)}
        return list(self._list(filters, "list the snapshots", deadline))

    def everybodys(self, volume_id: str, deadline: Deadline) -> list[Snapshot]:
        """Return the snapshots of one volume or, for an empty id, of all, whoever took them."""
        return list(self._list(_of(volume_id), "list the snapshots", deadline))

    def create(self, request: SnapshotRequest, deadline: Deadline) -> Snapshot:
        """Ask for a snapshot and return it as it is then, hardly ever ready.

        :raises NotFound: there is no such volume.
        :raises InUse: the volume's state forbids it.
        :raises QuotaExceeded: with Cinder's own reason.
        """
        try:
            body = self._api.request(
                "snapshot_create",
                "POST",
                "/snapshots",
                f"create snapshot {request.name} of volume {request.volume_id}",
                deadline,
                json={"snapshot": to_api(request)},
            )
        except InvalidRequest as refused:
            # Cinder answers 400 for every state that it does not like.
            raise InUse(refused.message, refused.request_id) from refused
        return from_api(body["snapshot"])

    def wait_until_usable(self, snapshot: Snapshot, deadline: Deadline) -> Snapshot:
        """Wait until volumes can be made of a snapshot.

        :raises Failed: Cinder could not make it; the message holds Cinder's reason.
        :raises NotFound: somebody deleted it meanwhile.
        :raises Timeout: it is still on its way.
        """

        def judge(now: Snapshot | None) -> Snapshot | None:
            if now is None:
                raise NotFound(f"{snapshot} has been deleted while it was being created")
            if now.ready:
                return now
            if now.status == "creating":
                return None
            raise Failed(f"Cinder could not create {now}: {self._reason(now, deadline)}")

        return self._poller.wait(
            snapshot.id, judge, f"{snapshot} to become available", deadline, self._paces.usable
        )

    def delete(self, snapshot_id: str, deadline: Deadline) -> bool:
        """Ask for a snapshot to be deleted. Return whether there is anything to wait for.

        :raises InUse: the snapshot's state, or what was made of it, forbids it.
        """
        return by_id.delete(self._api, "snapshot", snapshot_id, deadline)

    def wait_until_gone(self, snapshot_id: str, deadline: Deadline) -> None:
        """Wait until a snapshot that is being deleted does not exist any more.

        :raises Failed: Cinder could not delete it; the message holds its reason.
        """
        by_id.wait_until_gone(
            self._poller,
            "snapshot",
            snapshot_id,
            lambda now: self._reason(now, deadline),
            deadline,
            self._paces.gone,
        )

    def _reason(self, snapshot: Snapshot, deadline: Deadline) -> str:
        return self._messages.reason(snapshot.id, deadline) or f"its status is {snapshot.status}"

    def _by_id(self, deadline: Deadline) -> dict[str, Snapshot]:
        return {snapshot.id: snapshot for snapshot in self.all_mine("", deadline)}

    def _list(self, filters: Mapping[str, str | int], action: str, deadline: Deadline) -> Iterator[Snapshot]:
        for each in listed(self._api, "snapshot_list", "snapshots", filters, action, deadline):
            yield from_api(each)


def _of(volume_id: str) -> dict[str, str]:
    """Return the filter for the snapshots of one volume or, for an empty id, of all."""
    return {"volume_id": volume_id} if volume_id else {}
