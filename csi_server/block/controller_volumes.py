# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: volumes made and deleted.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from ...plugins.module_utils._cloud.errors import (
    HasSnapshots,
    InUse,
    InvalidRequest,
    NotFound,
    OutOfCapacity,
    OutOfRange,
    ZoneRefused,
)
from ...plugins.module_utils._cloud.volume import Volume, VolumeRequest
from ...plugins.module_utils._cloud.waiting import Deadline
from ..proto import csi_pb2 as csi
from ..rpc.deadlines import deadline_of
from . import capabilities, content_source, mutable_parameters, names, parameters, placement, sizes
from .content_source import ContentSource
from .controller_part import BlockCloud, ControllerPart, Kinds, Rpc, delete, require
from .sizes import SizeRange


class VolumeRpcs(ControllerPart):
    """CreateVolume, DeleteVolume, ValidateVolumeCapabilities."""

    CAPABILITIES: ClassVar[Kinds] = (
        Rpc.CREATE_DELETE_VOLUME,
        Rpc.CLONE_VOLUME,
        Rpc.SINGLE_NODE_MULTI_WRITER,
    )

    def CreateVolume(
        self, request: csi.CreateVolumeRequest, context: grpc.ServicerContext
    ) -> csi.CreateVolumeResponse:
        require(request, "name")
        capabilities.check(request.volume_capabilities)
        wanted = parameters.parse(request.parameters)
        mutable = mutable_parameters.parse(request.mutable_parameters)
        if wanted.encrypted:
            capabilities.check_encryptable(request.volume_capabilities)
        capacity = request.capacity_range
        size = sizes.parse(capacity.required_bytes, capacity.limit_bytes)
        deadline = deadline_of(context)
        with self._locks.hold(f"name {request.name}"):
            cloud = self._clouds.of(request.secrets)
            source = content_source.NOTHING
            if request.HasField("volume_content_source"):
                source, size = self._source(request, size, cloud, deadline)
            placed = placement.Placement(self._options.claims, wanted.claim, cloud.volumes, deadline)
            zones = self._options.zones
            zone = wanted.availability or zones.wanted(request.accessibility_requirements, source.zone)
            try:
                volume = cloud.volumes.create(
                    VolumeRequest(
                        name=request.name,
                        size=size.least,
                        type=mutable.type or wanted.type,
                        zone=zone,
                        description=source.description(self._options.cluster),
                        metadata={
                            **mutable.metadata,
                            **wanted.claim,
                            **source.metadata(),
                            names.CLUSTER: self._options.cluster,
                        },
                        origin=source.origin,
                        multiattach=any(map(capabilities.is_shared, request.volume_capabilities)),
                    ),
                    size,
                    deadline,
                    () if wanted.availability else zones.allowed(request.accessibility_requirements),
                    placed.hints,
                )
            except ZoneRefused as refused:
                if wanted.availability:
                    raise
                where = (
                    f"{source.name} is in zone {source.zone}, and Cinder makes no volume of it in {zone}: "
                )
                why = f"{where if source.zone not in ('', zone) else ''}{refused.message}"
                # The one answer after which the scheduler tries a node of another zone.
                raise OutOfCapacity(why, refused.request_id) from refused
            context_of_claim = placed.context()
        made = self._encode(volume, request)
        made.volume_context.update(context_of_claim)
        if wanted.encrypted:
            made.volume_context[names.ENCRYPTED] = "true"
        return csi.CreateVolumeResponse(volume=made)

    def _source(
        self, request: csi.CreateVolumeRequest, size: SizeRange, cloud: BlockCloud, deadline: Deadline
    ) -> tuple[ContentSource, SizeRange]:
        """Return what a volume is made of, and the sizes that it may have then."""
        try:
            source = content_source.resolve(request.volume_content_source, cloud, deadline)
            return source, source.fit(size, request.capacity_range.required_bytes)
        except (NotFound, OutOfRange):
            # It may have gone or grown since an earlier call began the volume: that would be left behind.
            begun = content_source.of_begun(
                request.name, request.volume_content_source, self._options.cluster, cloud, deadline
            )
            if begun is None:
                raise
            return begun, size

    def _encode(self, volume: Volume, request: csi.CreateVolumeRequest) -> csi.Volume:
        message = csi.Volume(volume_id=volume.id, capacity_bytes=volume.size * sizes.GIB)
        if request.HasField("volume_content_source"):
            message.content_source.CopyFrom(request.volume_content_source)
            message.volume_context[names.RESIZE_REQUIRED] = "true"
        if request.HasField("accessibility_requirements"):
            reached = self._options.zones.accessible(volume.zone, request.accessibility_requirements)
            message.accessible_topology.extend(reached)
        return message

    def DeleteVolume(
        self, request: csi.DeleteVolumeRequest, context: grpc.ServicerContext
    ) -> csi.DeleteVolumeResponse:
        require(request, "volume_id")
        deadline = deadline_of(context)
        with self._locks.hold(request.volume_id):
            delete(
                self._clouds,
                request.secrets,
                lambda cloud: _delete_volume(cloud, request.volume_id, deadline),
            )
        return csi.DeleteVolumeResponse()

    def ValidateVolumeCapabilities(
        self, request: csi.ValidateVolumeCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.ValidateVolumeCapabilitiesResponse:
        require(request, "volume_id")
        if not request.volume_capabilities:
            raise InvalidRequest("volume_capabilities is missing: give at least one")
        volume = self._clouds.of(request.secrets).volumes.find(request.volume_id, deadline_of(context))
        encrypted = names.is_encrypted(request.volume_context)
        for capability in request.volume_capabilities:
            capabilities.check_complete(capability)
            reason = capabilities.refusal(capability, volume.multiattach)
            if encrypted and not reason:
                reason = capabilities.encrypted_refusal(capability)
            if reason:
                return csi.ValidateVolumeCapabilitiesResponse(message=reason)
        return csi.ValidateVolumeCapabilitiesResponse(
            confirmed=csi.ValidateVolumeCapabilitiesResponse.Confirmed(
                volume_context=request.volume_context,
                volume_capabilities=request.volume_capabilities,
                parameters=request.parameters,
                mutable_parameters=request.mutable_parameters,
            )
        )


def _delete_volume(cloud: BlockCloud, volume_id: str, deadline: Deadline) -> bool:
    """Delete a volume, and say whether there was one. One that is in use may be held by nobody."""
    try:
        return cloud.volumes.delete(volume_id, deadline)
    except HasSnapshots:
        raise
    except InUse as refused:
        cloud.attachments.free(volume_id, refused, deadline)
        return cloud.volumes.delete(volume_id, deadline)
