# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the cloud of a cluster's, as the cloud itself says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from openstack.block_storage.v3.backup import Backup
from openstack.block_storage.v3.volume import Volume
from openstack.connection import Connection

from ansible_collections.mooring.storage.csi_server.block import names

from .load import TIER, Expected, Shape
from .ways import Way

SETTLED = {"available", "in-use"}
#: Seconds for deletions in the background to end.
BACKGROUND = 180
REMOVAL = 180


@dataclass(frozen=True)
class Contents:
    """The volumes of one cluster, and all that hangs on them.

    :ivar cluster: what the names of all of it begin with, too.
    """

    cloud: Connection
    cluster: str
    way: Way

    def found(self) -> tuple[Expected, list[str]]:
        """Return what there is, and what of it is not as it should be."""
        storage = self.cloud.block_storage
        volumes = self._volumes()
        ids = {volume.id for volume in volumes}
        snapshots = [each for each in storage.snapshots() if each.volume_id in ids]
        backups = self._backups()
        records = [each for each in storage.attachments(details=True) if each.volume_id in ids]
        groups, together = self._marked(storage.groups()), self._marked(storage.group_snapshots())
        attached, wrong = self.way.holders(self.cloud, volumes, records)
        wrong += [f"{each.name} is {each.status}" for each in volumes if each.status not in SETTLED]
        wrong += [f"{each.name} is in group {each.group_id}" for each in volumes if each.group_id]
        wrong += [f"attachment {each.id} is {each.status}" for each in records if each.status != "attached"]
        wrong += [
            f"{kind} {each.name} is {each.status}"
            for kind, objects in {
                "snapshot": snapshots,
                "backup": backups,
                "group": groups,
                "group snapshot": together,
            }.items()
            for each in objects
            if each.status != "available"
        ]
        alone = {group.name for group in groups} ^ {whole.id for whole in together}
        wrong += [f"group or group snapshot {each} is without the other" for each in sorted(alone)]
        return Expected(
            {each.id: Shape(each.size, each.volume_type, each.metadata.get(TIER, "")) for each in volumes},
            {snapshot.id: snapshot.volume_id for snapshot in snapshots},
            {backup.id: backup.volume_id for backup in backups},
            {whole.id for whole in together},
            attached,
        ), wrong

    def settled(self) -> tuple[Expected, list[str]]:
        """Return what there is when deletions in the background have ended."""
        end = time.monotonic() + BACKGROUND
        while (now := self.found())[1] and time.monotonic() < end:
            time.sleep(1)
        return now

    def remove(self) -> None:
        """Have everything deleted, without the driver."""
        storage = self.cloud.block_storage
        left = {volume.id for volume in self._volumes()}
        self.way.release(self.cloud, left)
        for backup in self._backups():
            storage.delete_backup(backup)
        for whole in self._marked(storage.group_snapshots()):
            storage.delete_group_snapshot(whole)
        end = time.monotonic() + REMOVAL
        while left and time.monotonic() < end:
            for volume in self._volumes():
                if volume.status in ("available", "error"):
                    storage.delete_volume(volume, cascade=True)
            time.sleep(1)
            left = {volume.id for volume in self._volumes()}
        for group in self._marked(storage.groups()):
            storage.delete_group(group, delete_volumes=True)

    def _volumes(self) -> list[Volume]:
        return [each for each in self.cloud.block_storage.volumes() if self.cluster in each.metadata.values()]

    def _backups(self) -> list[Backup]:
        """By their names: a backup may outlive its volume."""
        known = self.cloud.block_storage.backups()
        return [each for each in known if (each.name or "").startswith(f"{self.cluster}-")]

    def _marked(self, objects: Any) -> list[Any]:
        return [each for each in objects if each.description == names.group_mark(self.cluster)]
