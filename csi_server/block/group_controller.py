# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GroupController service of the Cinder driver.

Source: CSI specification 1.13, "Group Controller Service RPC".
"""

from __future__ import annotations

import grpc

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..proto import csi_pb2 as csi
from ..proto import csi_pb2_grpc
from ..rpc.deadlines import deadline_of
from ..rpc.locks import Locks
from . import group_snapshot_parameters
from .controller_part import Clouds, delete, require
from .controller_snapshots import encode as encode_member
from .group_snapshots import TakenTogether, check_members

_Rpc = csi.GroupControllerServiceCapability.RPC


class GroupControllerServicer(csi_pb2_grpc.GroupControllerServicer):
    """Serves GroupController."""

    def __init__(self, clouds: Clouds, locks: Locks) -> None:
        self._clouds = clouds
        self._locks = locks

    def GroupControllerGetCapabilities(
        self, request: csi.GroupControllerGetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.GroupControllerGetCapabilitiesResponse:
        rpc = _Rpc(type=_Rpc.CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT)
        return csi.GroupControllerGetCapabilitiesResponse(
            capabilities=[csi.GroupControllerServiceCapability(rpc=rpc)]
        )

    def CreateVolumeGroupSnapshot(
        self, request: csi.CreateVolumeGroupSnapshotRequest, context: grpc.ServicerContext
    ) -> csi.CreateVolumeGroupSnapshotResponse:
        require(request, "name")
        if not request.source_volume_ids:
            raise InvalidRequest("source_volume_ids is missing: give at least one")
        wanted = group_snapshot_parameters.parse(request.parameters)
        with self._locks.hold(f"name {request.name}"):
            taken = self._clouds.of(request.secrets).group_snapshots.create(
                request.name, frozenset(request.source_volume_ids), wanted, deadline_of(context)
            )
        return csi.CreateVolumeGroupSnapshotResponse(group_snapshot=_encode(taken))

    def DeleteVolumeGroupSnapshot(
        self, request: csi.DeleteVolumeGroupSnapshotRequest, context: grpc.ServicerContext
    ) -> csi.DeleteVolumeGroupSnapshotResponse:
        require(request, "group_snapshot_id")
        deadline = deadline_of(context)
        with self._locks.hold(request.group_snapshot_id):
            delete(
                self._clouds,
                request.secrets,
                lambda cloud: cloud.group_snapshots.delete(
                    request.group_snapshot_id, frozenset(request.snapshot_ids), deadline
                ),
            )
        return csi.DeleteVolumeGroupSnapshotResponse()

    def GetVolumeGroupSnapshot(
        self, request: csi.GetVolumeGroupSnapshotRequest, context: grpc.ServicerContext
    ) -> csi.GetVolumeGroupSnapshotResponse:
        require(request, "group_snapshot_id")
        snapshots = self._clouds.of(request.secrets).group_snapshots
        taken = snapshots.find(request.group_snapshot_id, deadline_of(context))
        check_members(taken, frozenset(request.snapshot_ids))
        return csi.GetVolumeGroupSnapshotResponse(group_snapshot=_encode(taken))


def _encode(taken: TakenTogether) -> csi.VolumeGroupSnapshot:
    message = csi.VolumeGroupSnapshot(
        group_snapshot_id=taken.whole.id,
        snapshots=[encode_member(member) for member in taken.members],
        ready_to_use=taken.whole.ready and all(member.ready for member in taken.members),
    )
    message.creation_time.FromDatetime(taken.whole.created_at)
    return message
