# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: snapshots, each of them a snapshot or a backup of Cinder.

An id does not tell which of the two it names: it is looked for as a snapshot, then as a backup.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import grpc

from ...plugins.module_utils._cloud.backup import Backup
from ...plugins.module_utils._cloud.errors import NotFound
from ...plugins.module_utils._cloud.snapshot import Snapshot, SnapshotRequest
from ...plugins.module_utils._cloud.waiting import Deadline
from ..proto import csi_pb2 as csi
from ..rpc import pages
from ..rpc.deadlines import deadline_of
from . import names, sizes, snapshot_parameters
from .controller_part import BlockCloud, ControllerPart, Kinds, Rpc, asked, delete, find, require


class SnapshotRpcs(ControllerPart):
    """CreateSnapshot, DeleteSnapshot, ListSnapshots, GetSnapshot."""

    CAPABILITIES: ClassVar[Kinds] = (Rpc.CREATE_DELETE_SNAPSHOT, Rpc.LIST_SNAPSHOTS, Rpc.GET_SNAPSHOT)

    def CreateSnapshot(
        self, request: csi.CreateSnapshotRequest, context: grpc.ServicerContext
    ) -> csi.CreateSnapshotResponse:
        require(request, "source_volume_id", "name")
        wanted = snapshot_parameters.parse(request.parameters)
        source = SnapshotRequest(
            name=request.name,
            volume_id=request.source_volume_id,
            force=wanted.force,
            description=names.DESCRIPTION,
            metadata={**wanted.describing, names.CLUSTER: self._options.cluster},
        )
        deadline = deadline_of(context)
        made: Snapshot | Backup
        with self._locks.hold(f"name {request.name}"):
            cloud = self._clouds.of(request.secrets)
            if wanted.kind is snapshot_parameters.Kind.BACKUP:
                made = cloud.backups.create(source, wanted.backup_zone, deadline)
            else:
                made = cloud.snapshots.create(source, deadline)
        return csi.CreateSnapshotResponse(snapshot=encode(made))

    def DeleteSnapshot(
        self, request: csi.DeleteSnapshotRequest, context: grpc.ServicerContext
    ) -> csi.DeleteSnapshotResponse:
        require(request, "snapshot_id")
        deadline = deadline_of(context)
        with self._locks.hold(request.snapshot_id):
            delete(
                self._clouds,
                request.secrets,
                lambda cloud: (
                    cloud.snapshots.delete(request.snapshot_id, deadline)
                    or cloud.backups.delete(request.snapshot_id, deadline)
                ),
            )
        return csi.DeleteSnapshotResponse()

    def ListSnapshots(
        self, request: csi.ListSnapshotsRequest, context: grpc.ServicerContext
    ) -> csi.ListSnapshotsResponse:
        deadline = deadline_of(context)
        if request.snapshot_id:
            one = self._find_snapshot(request.snapshot_id, request.secrets, deadline)
            volume = request.source_volume_id
            found = [one] if one is not None and _is_cut(one) and volume in ("", one.volume_id) else []
        else:
            found = [
                each
                for cloud in asked(self._clouds, request.secrets)
                for kind in (cloud.snapshots, cloud.backups, cloud.group_snapshots)
                for each in kind.listed(request.source_volume_id, deadline)
            ]
        page = pages.page(found, request.max_entries, request.starting_token)
        return csi.ListSnapshotsResponse(
            entries=[csi.ListSnapshotsResponse.Entry(snapshot=encode(each)) for each in page.entries],
            next_token=page.next_token,
        )

    def GetSnapshot(
        self, request: csi.GetSnapshotRequest, context: grpc.ServicerContext
    ) -> csi.GetSnapshotResponse:
        require(request, "snapshot_id")
        found = self._find_snapshot(request.snapshot_id, request.secrets, deadline_of(context))
        if found is None:
            raise NotFound(f"neither a snapshot nor a backup has the id {request.snapshot_id}")
        return csi.GetSnapshotResponse(snapshot=encode(found))

    def _find_snapshot(
        self, snapshot_id: str, secrets: Mapping[str, str], deadline: Deadline
    ) -> Snapshot | Backup | None:
        """Return the snapshot or the backup of that id, None when there is neither."""
        return find(self._clouds, secrets, lambda cloud: _snapshot_in(cloud, snapshot_id, deadline))


def _snapshot_in(cloud: BlockCloud, snapshot_id: str, deadline: Deadline) -> Snapshot | Backup | None:
    snapshot = cloud.snapshots.find(snapshot_id, deadline)
    if snapshot is not None:
        return snapshot
    return cloud.backups.find(snapshot_id, deadline)


def _is_cut(made: Snapshot | Backup) -> bool:
    """Say whether it is of one moment, and that has passed. A backup is of a snapshot that was cut before."""
    return isinstance(made, Backup) or made.cut


def encode(made: Snapshot | Backup) -> csi.Snapshot:
    """Write CSI's snapshot."""
    message = csi.Snapshot(
        snapshot_id=made.id,
        source_volume_id=made.volume_id,
        size_bytes=made.size * sizes.GIB,
        ready_to_use=made.ready,
        group_snapshot_id=made.group_snapshot_id if isinstance(made, Snapshot) else "",
    )
    message.creation_time.FromDatetime(made.created_at)
    return message
