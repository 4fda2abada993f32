# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: volumes attached to nodes and detached.

Which nodes may have a volume at the same time is decided here by the attachments that there are. What a
capability means for a filesystem, CreateVolume has checked: volumes that other drivers made for
impossible capabilities keep working on one node.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from ..proto import csi_pb2 as csi
from ..rpc.deadlines import deadline_of
from . import capabilities, names, sizes
from .controller_part import ControllerPart, Kinds, Rpc, require


class AttachmentRpcs(ControllerPart):
    """ControllerPublishVolume, ControllerUnpublishVolume."""

    CAPABILITIES: ClassVar[Kinds] = (Rpc.PUBLISH_UNPUBLISH_VOLUME, Rpc.PUBLISH_READONLY)

    def ControllerPublishVolume(
        self, request: csi.ControllerPublishVolumeRequest, context: grpc.ServicerContext
    ) -> csi.ControllerPublishVolumeResponse:
        require(request, "volume_id", "node_id", "volume_capability")
        capabilities.check_complete(request.volume_capability)
        with self._locks.hold(request.volume_id):
            attachments = self._clouds.of(request.secrets).attachments
            attach = (
                attachments.attach_shared
                if capabilities.is_shared(request.volume_capability)
                else attachments.attach
            )
            deadline = deadline_of(context)
            volume = attach(request.volume_id, request.node_id, deadline)
            attachment = volume.attachment_to(request.node_id)
            self._published.agree(
                volume.id, request.node_id, attachment.id if attachment else "", request.readonly
            )
            found_by = attachments.node_context(volume, request.node_id, deadline)
        publish_context = {
            **found_by,
            names.SIZE: str(volume.size * sizes.GIB),
            names.SERIAL: volume.id,
        }
        if request.readonly:
            publish_context[names.READ_ONLY] = "true"
        return csi.ControllerPublishVolumeResponse(publish_context=publish_context)

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
            self._published.forget(request.volume_id, request.node_id)
        return csi.ControllerUnpublishVolumeResponse()
