# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots as CSI wants them: each call may come again, and comes to the same end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ...plugins.module_utils._cloud.errors import Busy, CloudError, Conflict, InUse, InvalidRequest, NotFound
from ...plugins.module_utils._cloud.snapshot import Snapshot, SnapshotRequest
from ...plugins.module_utils._cloud.waiting import Deadline
from . import names
from .outcome import UNFINISHED, Askings, HandedOut, removing
from .recent import STILL_TRUE, Recent


class SnapshotsPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.snapshots.Snapshots for what each call means."""

    def find(self, snapshot_id: str, deadline: Deadline) -> Snapshot | None: ...
    def named(self, name: str, deadline: Deadline) -> list[Snapshot]: ...
    def all_mine(self, volume_id: str, deadline: Deadline) -> list[Snapshot]: ...
    def create(self, request: SnapshotRequest, deadline: Deadline) -> Snapshot: ...
    def wait_until_usable(self, snapshot: Snapshot, deadline: Deadline) -> Snapshot: ...
    def delete(self, snapshot_id: str, deadline: Deadline) -> bool: ...
    def wait_until_gone(self, snapshot_id: str, deadline: Deadline) -> None: ...


class BlockSnapshots:
    """The snapshots of one cluster.

    :param mine: metadata that marks a snapshot as made by this driver for this cluster.
    """

    def __init__(self, snapshots: SnapshotsPort, mine: Mapping[str, str]) -> None:
        self._snapshots = snapshots
        self._mine = mine
        self._askings = Askings()
        self._deleted: Recent[str, bool] = Recent(STILL_TRUE)
        self._handed_out = HandedOut()

    def find(self, snapshot_id: str, deadline: Deadline) -> Snapshot | None:
        """Return the snapshot of that id, whoever made it."""
        return self._snapshots.find(snapshot_id, deadline)

    def listed(self, volume_id: str, deadline: Deadline) -> list[Snapshot]:
        """Return the cluster's snapshots that are cut, of one volume or, for an empty id, of all."""
        mine = self._snapshots.all_mine(volume_id, deadline)
        return [each for each in mine if each.cut and names.FOR_BACKUP not in each.metadata]

    def create(self, request: SnapshotRequest, deadline: Deadline) -> Snapshot:
        """Return a snapshot of that name that is cut: the one there is, or a new one.

        Whoever stopped writing for it goes on when this returns, so it waits (CSI, "CreateSnapshot"). A
        snapshot that Cinder fails to create is deleted again before the error is raised. One that was
        returned already is not deleted.

        :raises Conflict: one of that name is there, and is not what is asked for.
        :raises NotFound: there is no such volume.
        :raises Unavailable, Timeout, Busy: a snapshot may be there, or come: ask again. No other error
            leaves one behind.
        """
        snapshot = self._adopt(request, deadline) or self._ask(request, deadline)
        if not snapshot.ready:
            snapshot = self._waited_for(snapshot, deadline)
        self._handed_out.put(snapshot.id)
        return snapshot

    def _waited_for(self, snapshot: Snapshot, deadline: Deadline) -> Snapshot:
        try:
            return self._snapshots.wait_until_usable(snapshot, deadline)
        except (NotFound, *UNFINISHED):
            raise
        except CloudError as failure:
            self._handed_out.check(snapshot.id, f"{snapshot} was taken before", failure)
            with removing(snapshot, failure):
                self.delete(snapshot.id, deadline)
            raise

    def _ask(self, request: SnapshotRequest, deadline: Deadline) -> Snapshot:
        with self._askings.asking(request.name):
            return self._snapshots.create(request, deadline)

    def _adopt(self, request: SnapshotRequest, deadline: Deadline) -> Snapshot | None:
        namesakes = self._snapshots.named(request.name, deadline)
        for snapshot in namesakes:
            if not self._mine.items() <= snapshot.metadata.items():
                raise Conflict(f"{snapshot} exists and was not made by this driver for this cluster")
            if snapshot.volume_id != request.volume_id:
                raise Conflict(
                    f"{snapshot} exists and is of volume {snapshot.volume_id}; asked for is"
                    f" {request.volume_id}"
                )
            if snapshot.status == "deleting":
                raise Busy(f"{snapshot} is being deleted")
        # A retry of a request whose answer was lost may have left two: use the one that got further.
        return min(namesakes, key=lambda each: (not each.ready, each.id), default=None)

    def delete(self, snapshot_id: str, deadline: Deadline) -> bool:
        """Return when there is no snapshot of that id, and whether there was one.

        :raises InUse: its state, or what was made of it, forbids it.
        :raises InvalidRequest: it is a member of a group snapshot.
        """
        if self._deleted.get(snapshot_id):
            return True
        if not self._delete(snapshot_id, deadline):
            return False
        self._snapshots.wait_until_gone(snapshot_id, deadline)
        self._deleted.put(snapshot_id, True)
        return True

    def _delete(self, snapshot_id: str, deadline: Deadline) -> bool:
        """Have a snapshot deleted. Return whether there is anything to wait for."""
        try:
            return self._snapshots.delete(snapshot_id, deadline)
        except InUse as refused:
            now = self._snapshots.find(snapshot_id, deadline)
            if now is None:
                return False
            if now.status == "creating":
                self._snapshots.wait_until_usable(now, deadline)
                return self._snapshots.delete(snapshot_id, deadline)
            if now.group_snapshot_id:
                raise InvalidRequest(
                    f"{now} was taken with others: it goes when you delete group snapshot"
                    f" {now.group_snapshot_id}",
                    refused.request_id,
                ) from refused
            if now.status != "deleting":
                raise
            return True
