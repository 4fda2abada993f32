# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Controller service of the Cinder driver.

Each method checks the request, takes the lock, calls the volumes and encodes the answer. Errors
are raised as they are: one interceptor gives them their status.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ...plugins.module_utils._cloud.volume import Volume, VolumeRequest
from ..proto import csi_pb2 as csi
from ..proto import csi_pb2_grpc
from ..rpc.deadlines import deadline_of
from ..rpc.locks import Locks
from . import capabilities, names, parameters, sizes, topology
from .idempotency import BlockVolumes

_Rpc = csi.ControllerServiceCapability.RPC
CAPABILITIES = (_Rpc.CREATE_DELETE_VOLUME, _Rpc.PUBLISH_UNPUBLISH_VOLUME, _Rpc.SINGLE_NODE_MULTI_WRITER)


@dataclass(frozen=True)
class ControllerOptions:
    """How the driver makes volumes."""

    cluster: str
    """Written to each volume's metadata."""
    ignore_volume_zone: bool = False
    """Volumes can be attached in every zone: say nothing of where they are (``ignore-volume-az``)."""


class ControllerServicer(csi_pb2_grpc.ControllerServicer):
    """Serves Controller.

    :param volumes: returns the cluster's volumes; raises CloudError while there is no cloud.
    """

    def __init__(self, volumes: Callable[[], BlockVolumes], options: ControllerOptions, locks: Locks) -> None:
        self._volumes = volumes
        self._options = options
        self._locks = locks

    def ControllerGetCapabilities(
        self, request: csi.ControllerGetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.ControllerGetCapabilitiesResponse:
        return csi.ControllerGetCapabilitiesResponse(
            capabilities=[csi.ControllerServiceCapability(rpc=_Rpc(type=each)) for each in CAPABILITIES]
        )

    def CreateVolume(
        self, request: csi.CreateVolumeRequest, context: grpc.ServicerContext
    ) -> csi.CreateVolumeResponse:
        _require(request, "name")
        capabilities.check(request.volume_capabilities)
        if request.HasField("volume_content_source"):
            raise InvalidRequest("volume_content_source is not supported: create an empty volume")
        if request.mutable_parameters:
            raise InvalidRequest(
                "mutable_parameters is not supported: use a claim without VolumeAttributesClass"
            )
        wanted = parameters.parse(request.parameters)
        size = sizes.parse(request.capacity_range.required_bytes, request.capacity_range.limit_bytes)
        zone = wanted.availability
        if not zone and not self._options.ignore_volume_zone:
            zone = topology.wanted_zone(request.accessibility_requirements)
        with self._locks.hold(f"name {request.name}"):
            volume = self._volumes().create(
                VolumeRequest(
                    name=request.name,
                    size=size.least,
                    type=wanted.type,
                    zone=zone,
                    description=names.DESCRIPTION,
                    metadata={**wanted.claim, names.CLUSTER: self._options.cluster},
                ),
                size,
                deadline_of(context),
            )
        return csi.CreateVolumeResponse(volume=self._encode(volume, request))

    def _encode(self, volume: Volume, request: csi.CreateVolumeRequest) -> csi.Volume:
        message = csi.Volume(volume_id=volume.id, capacity_bytes=volume.size * sizes.GIB)
        if not request.HasField("accessibility_requirements"):
            return message
        if self._options.ignore_volume_zone:
            message.accessible_topology.extend(request.accessibility_requirements.requisite)
        else:
            message.accessible_topology.append(topology.of_zone(volume.zone))
        return message

    def DeleteVolume(
        self, request: csi.DeleteVolumeRequest, context: grpc.ServicerContext
    ) -> csi.DeleteVolumeResponse:
        _require(request, "volume_id")
        with self._locks.hold(request.volume_id):
            self._volumes().delete(request.volume_id, deadline_of(context))
        return csi.DeleteVolumeResponse()

    def ControllerPublishVolume(
        self, request: csi.ControllerPublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.ControllerPublishVolumeResponse:
        _require(request, "volume_id", "node_id", "volume_capability")
        capabilities.check([request.volume_capability])
        if request.readonly:
            raise InvalidRequest("readonly is not supported: Nova attaches volumes for reading and writing")
        with self._locks.hold(request.volume_id):
            volume = self._volumes().attach(request.volume_id, request.node_id, deadline_of(context))
        device = next((a.device for a in volume.attachments if a.server_id == request.node_id), "")
        return csi.ControllerPublishVolumeResponse(
            publish_context={
                names.DEVICE_PATH: device,
                names.SIZE: str(volume.size * sizes.GIB),
                names.SERIAL: volume.id,
            }
        )

    def ControllerUnpublishVolume(
        self, request: csi.ControllerUnpublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.ControllerUnpublishVolumeResponse:
        _require(request, "volume_id")
        deadline = deadline_of(context)
        with self._locks.hold(request.volume_id):
            if request.node_id:
                self._volumes().detach(request.volume_id, request.node_id, deadline)
            else:
                self._volumes().detach_everywhere(request.volume_id, deadline)
        return csi.ControllerUnpublishVolumeResponse()

    def ValidateVolumeCapabilities(
        self, request: csi.ValidateVolumeCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.ValidateVolumeCapabilitiesResponse:
        _require(request, "volume_id")
        if not request.volume_capabilities:
            raise InvalidRequest("volume_capabilities is missing: give at least one")
        self._volumes().find(request.volume_id, deadline_of(context))
        for capability in request.volume_capabilities:
            capabilities.check_complete(capability)
            if reason := capabilities.refusal(capability):
                return csi.ValidateVolumeCapabilitiesResponse(message=reason)
        return csi.ValidateVolumeCapabilitiesResponse(
            confirmed=csi.ValidateVolumeCapabilitiesResponse.Confirmed(
                volume_context=request.volume_context,
                volume_capabilities=request.volume_capabilities,
                parameters=request.parameters,
            )
        )


def _require(request: object, *fields: str) -> None:
    """Check that fields are given: a string that is not empty, a message that is set."""
    for name in fields:
        value = getattr(request, name)
        given = request.HasField(name) if name == "volume_capability" else bool(value)  # type: ignore[attr-defined]
        if not given:
            raise InvalidRequest(f"{name} is missing")
