# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as CSI wants them: begun once, and asked about until they are done, or have failed.

What is copied is always a snapshot, taken for the backup and deleted after it: Cinder lets nobody
attach a volume while it copies the volume itself, and that may take hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from ...plugins.module_utils._cloud.backup import Backup, BackupRequest
from ...plugins.module_utils._cloud.errors import Busy, CloudError, Conflict, Failed, InUse
from ...plugins.module_utils._cloud.snapshot import SnapshotRequest
from ...plugins.module_utils._cloud.waiting import Deadline
from . import names
from .outcome import Askings, HandedOut, removing
from .recent import STILL_TRUE, Recent
from .snapshots import BlockSnapshots


class BackupsPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.backups.Backups for what each call means."""

    def find(self, backup_id: str, deadline: Deadline) -> Backup | None: ...
    def named(self, name: str, deadline: Deadline) -> list[Backup]: ...
    def all_mine(self, volume_id: str, deadline: Deadline) -> list[Backup]: ...
    def create(self, request: BackupRequest, deadline: Deadline) -> Backup: ...
    def reason(self, backup: Backup, deadline: Deadline) -> str: ...
    def delete(self, backup_id: str, deadline: Deadline) -> bool: ...
    def wait_until_gone(self, backup_id: str, deadline: Deadline) -> None: ...


class BlockBackups:
    """The backups of one cluster.

    :param snapshots: where the snapshots that are copied are made.
    :param mine: metadata that marks a backup as made by this driver for this cluster.
    """

    def __init__(self, backups: BackupsPort, snapshots: BlockSnapshots, mine: Mapping[str, str]) -> None:
        self._backups = backups
        self._snapshots = snapshots
        self._mine = mine
        self._askings = Askings()
        self._deleted: Recent[str, bool] = Recent(STILL_TRUE)
        self._handed_out = HandedOut()

    def find(self, backup_id: str, deadline: Deadline) -> Backup | None:
        """Return the backup of that id, whoever made it."""
        return self._backups.find(backup_id, deadline)

    def listed(self, volume_id: str, deadline: Deadline) -> list[Backup]:
        """Return the cluster's backups, of one volume or, for an empty id, of all."""
        return self._backups.all_mine(volume_id, deadline)

    def create(self, source: SnapshotRequest, zone: str, deadline: Deadline) -> Backup:
        """Return a backup of that name: the one there is, or a new one. It may not be ready for long.

        One that failed is returned once, as not ready, to who was not told its id, and is an error from then
        on: the snapshotter never takes another backup for one that it was told, and asks for the deletion of
        none that it was not told.

        :param source: the snapshot that would be taken, with the backup's name and metadata.
        :param zone: the backup's; empty leaves the choice to Cinder.
        :raises Conflict: one of that name is there, and is not what is asked for.
        :raises NotFound: there is no such volume.
        :raises Unavailable: the cloud has no backup service that is up.
        """
        backup = self._adopt(source, deadline)
        if backup is None:
            backup = self._begin(source, zone, deadline)
        elif backup.ready:
            self._drop_source(backup, deadline)
        elif backup.status != "creating" and self._handed_out.has(backup.id):
            # The snapshot is of no use any more. When it cannot go now, it goes with the backup.
            with suppress(CloudError):
                self._drop_source(backup, deadline)
            reason = self._backups.reason(backup, deadline)
            raise Failed(f"Cinder could not create {backup}: {reason}. It is deleted with its VolumeSnapshot")
        self._handed_out.put(backup.id)
        return backup

    def _adopt(self, source: SnapshotRequest, deadline: Deadline) -> Backup | None:
        namesakes = self._backups.named(source.name, deadline)
        for backup in namesakes:
            if not self._mine.items() <= backup.metadata.items():
                raise Conflict(f"{backup} exists and was not made by this driver for this cluster")
            if backup.volume_id != source.volume_id:
                raise Conflict(
                    f"{backup} exists and is of volume {backup.volume_id}; asked for is {source.volume_id}"
                )
            if backup.status == "deleting":
                raise Busy(f"{backup} is being deleted")
        return min(namesakes, key=lambda each: (not each.ready, each.id), default=None)

    def _begin(self, source: SnapshotRequest, zone: str, deadline: Deadline) -> Backup:
        # Before there is a snapshot that nothing would be made of.
        self._askings.check(source.name)
        snapshot = self._snapshots.create(
            SnapshotRequest(
                name=f"{source.name}-for-backup",
                volume_id=source.volume_id,
                force=source.force,
                description=source.description,
                metadata={**self._mine, names.FOR_BACKUP: source.name},
            ),
            deadline,
        )
        request = BackupRequest(
            name=source.name,
            volume_id=source.volume_id,
            snapshot_id=snapshot.id,
            zone=zone,
            description=source.description,
            metadata=source.metadata,
        )
        try:
            with self._askings.asking(request.name):
                return self._backups.create(request, deadline)
        except CloudError as failure:
            # When only the answer was lost, the snapshot is being copied, and Cinder keeps it.
            with removing(snapshot, failure):
                self._snapshots.delete(snapshot.id, deadline)
            raise

    def _drop_source(self, backup: Backup, deadline: Deadline) -> None:
        if not backup.snapshot_id:
            return
        snapshot = self._snapshots.find(backup.snapshot_id, deadline)
        if snapshot is None or names.FOR_BACKUP not in snapshot.metadata:
            return
        if backup.status == "error" and snapshot.status == "backing-up":
            raise InUse(
                f"{snapshot}, of which {backup} was to be made, is {snapshot.status} still. If no backup"
                " service works on it, an administrator can set it right: openstack volume snapshot set"
                f" --state available {snapshot.id}"
            )
        self._snapshots.delete(snapshot.id, deadline)

    def delete(self, backup_id: str, deadline: Deadline) -> bool:
        """Return when there is no backup of that id, and whether there was one.

        :raises Busy: it is still being created, which Cinder does not interrupt.
        :raises InUse: its state, or backups that build on it, forbid it.
        """
        if self._deleted.get(backup_id):
            return True
        backup = self._backups.find(backup_id, deadline)
        if backup is None:
            return False
        if backup.status == "creating":
            raise Busy(f"{backup} is being created, and can be deleted when it is done")
        self._drop_source(backup, deadline)
        if backup.status == "deleting" or self._backups.delete(backup_id, deadline):
            self._backups.wait_until_gone(backup_id, deadline)
        self._deleted.put(backup_id, True)
        return True
