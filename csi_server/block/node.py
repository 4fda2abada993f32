# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Node service of the Cinder driver.

Each method checks the request, takes the volume's lock, calls the machine and encodes the answer.
Errors are raised as they are: one interceptor gives them their status. Needs no cloud and no credential.

Source: CSI specification 1.13, "Node Service RPC".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc

from ..host.statistics import Usage
from ..proto import csi_pb2 as csi
from ..proto import csi_pb2_grpc
from ..rpc.deadlines import deadline_of
from ..rpc.locks import Locks
from . import health, node_requests
from .node_health import NodeHealth
from .node_limit import VolumeLimit
from .node_port import BlockNode

_Rpc = csi.NodeServiceCapability.RPC
CAPABILITIES = (
    _Rpc.STAGE_UNSTAGE_VOLUME,
    _Rpc.GET_VOLUME_STATS,
    _Rpc.EXPAND_VOLUME,
    _Rpc.SINGLE_NODE_MULTI_WRITER,
    _Rpc.VOLUME_CONDITION,
    _Rpc.GET_VOLUME_HEALTH,
    _Rpc.GET_STORAGE_HEALTH,
)


@dataclass(frozen=True)
class NodeInfo:
    """What the cluster has to know of this node."""

    node_id: str
    """The id of its Nova server."""
    limit: VolumeLimit
    segments: Mapping[str, str] = field(default_factory=dict)
    """Where it is, by topology key; empty without topology."""


class NodeServicer(csi_pb2_grpc.NodeServicer):
    """Serves Node."""

    def __init__(self, node: BlockNode, health: NodeHealth, info: NodeInfo, locks: Locks) -> None:
        self._node = node
        self._health = health
        self._info = info
        self._locks = locks

    def NodeGetCapabilities(
        self, request: csi.NodeGetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetCapabilitiesResponse:
        return csi.NodeGetCapabilitiesResponse(
            capabilities=[csi.NodeServiceCapability(rpc=_Rpc(type=each)) for each in CAPABILITIES]
        )

    def NodeGetInfo(
        self, request: csi.NodeGetInfoRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetInfoResponse:
        segments = self._info.segments
        return csi.NodeGetInfoResponse(
            node_id=self._info.node_id,
            max_volumes_per_node=self._info.limit.now(),
            accessible_topology=csi.Topology(segments=segments) if segments else None,
        )

    def NodeStageVolume(
        self, request: csi.NodeStageVolumeRequest, context: grpc.ServicerContext
    ) -> csi.NodeStageVolumeResponse:
        wanted = node_requests.stage(request)
        with self._locks.hold(wanted.volume_id):
            self._node.stage(wanted, deadline_of(context))
        return csi.NodeStageVolumeResponse()

    def NodeUnstageVolume(
        self, request: csi.NodeUnstageVolumeRequest, context: grpc.ServicerContext
    ) -> csi.NodeUnstageVolumeResponse:
        volume_id = node_requests.identifier(request.volume_id)
        path = node_requests.absolute("staging_target_path", request.staging_target_path)
        with self._locks.hold(volume_id):
            self._node.unstage(volume_id, path)
        return csi.NodeUnstageVolumeResponse()

    def NodePublishVolume(
        self, request: csi.NodePublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.NodePublishVolumeResponse:
        wanted = node_requests.publish(request)
        with self._locks.hold(wanted.volume_id):
            self._node.publish(wanted)
        return csi.NodePublishVolumeResponse()

    def NodeUnpublishVolume(
        self, request: csi.NodeUnpublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.NodeUnpublishVolumeResponse:
        volume_id = node_requests.identifier(request.volume_id)
        path = node_requests.absolute("target_path", request.target_path)
        with self._locks.hold(volume_id):
            self._node.unpublish(path)
        return csi.NodeUnpublishVolumeResponse()

    def NodeGetVolumeStats(
        self, request: csi.NodeGetVolumeStatsRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetVolumeStatsResponse:
        volume_id = node_requests.identifier(request.volume_id)
        path = node_requests.given_path("volume_path", request.volume_path)
        # No lock: it only reads, and the kubelet asks while other calls run.
        figures = self._node.statistics(volume_id, path)
        usage = [_usage(figures.bytes, csi.VolumeUsage.BYTES)]
        if figures.inodes is not None:
            usage.append(_usage(figures.inodes, csi.VolumeUsage.INODES))
        problems = self._health.of_volume(volume_id, [request.volume_path])
        return csi.NodeGetVolumeStatsResponse(usage=usage, volume_condition=health.condition(problems))

    def NodeGetVolumeHealth(
        self, request: csi.NodeGetVolumeHealthRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetVolumeHealthResponse:
        volume_id = node_requests.identifier(request.volume_id)
        paths = [
            node_requests.absolute(field, getattr(request, field))
            for field in ("volume_publish_path", "staging_target_path")
            if getattr(request, field)
        ]
        # No lock: it only reads, and what is wrong may be that another call hangs.
        problems = self._health.of_volume(volume_id, paths)
        return csi.NodeGetVolumeHealthResponse(volume_health=health.encode(volume_id, problems))

    def NodeGetStorageHealth(
        self, request: csi.NodeGetStorageHealthRequest, context: grpc.ServicerContext
    ) -> csi.NodeGetStorageHealthResponse:
        troubles = self._health.of_storage()
        if not troubles:
            return csi.NodeGetStorageHealthResponse()
        offline = csi.NodeGetStorageHealthResponse.StorageBackendHealth(
            status=csi.STORAGE_DEGRADED, reason="DisksOffline", message="; ".join(troubles)
        )
        return csi.NodeGetStorageHealthResponse(backend_health=[offline])

    def NodeExpandVolume(
        self, request: csi.NodeExpandVolumeRequest, context: grpc.ServicerContext
    ) -> csi.NodeExpandVolumeResponse:
        wanted = node_requests.expand(request)
        with self._locks.hold(wanted.volume_id):
            size = self._node.expand(wanted, deadline_of(context))
        return csi.NodeExpandVolumeResponse(capacity_bytes=size)


def _usage(usage: Usage, unit: csi.VolumeUsage.Unit.ValueType) -> csi.VolumeUsage:
    return csi.VolumeUsage(available=usage.available, total=usage.total, used=usage.used, unit=unit)
