# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: volumes attached to nodes and detached.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..proto import csi_pb2 as csi
from ..rpc.deadlines import deadline_of
from . import capabilities, names, sizes
from .controller_part import ControllerPart, Kinds, Rpc, require


class AttachmentRpcs(ControllerPart):
    """ControllerPublishVolume, ControllerUnpublishVolume."""

    CAPABILITIES: ClassVar[Kinds] = (Rpc.PUBLISH_UNPUBLISH_VOLUME,)

    def ControllerPublishVolume(
        self, request: csi.ControllerPublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.ControllerPublishVolumeResponse:
        require(request, "volume_id", "node_id", "volume_capability")
        capabilities.check([request.volume_capability])
        if request.readonly:
            raise InvalidRequest("readonly is not supported: Nova attaches volumes for reading and writing")
        with self._locks.hold(request.volume_id):
            volume = self._clouds.of(request.secrets).attachments.attach(
                request.volume_id, request.node_id, deadline_of(context)
            )
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
        require(request, "volume_id")
        deadline = deadline_of(context)
        with self._locks.hold(request.volume_id):
            attachments = self._clouds.of(request.secrets).attachments
            if request.node_id:
                attachments.detach(request.volume_id, request.node_id, deadline)
            else:
                attachments.detach_everywhere(request.volume_id, deadline)
        return csi.ControllerUnpublishVolumeResponse()
