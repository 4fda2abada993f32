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

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import ClassVar

import grpc

from ...plugins.module_utils._cloud.errors import Unavailable
from ...plugins.module_utils._cloud.waiting import Deadline
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
            attached = partial(self._attached, deadline)
            with self._loads.place(request.volume_id, request.node_id, attached):
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
            self._loads.free(request.volume_id, request.node_id)
        return csi.ControllerUnpublishVolumeResponse()

    def _attached(self, deadline: Deadline) -> Iterator[tuple[str, str]]:
        """Yield the cluster's volumes that are attached, each with its node, in the clouds that answer."""
        for way in self._ways({}):
            with contextlib.suppress(Unavailable):
                for volume in way().volumes.listed(deadline):
                    yield from ((volume.id, node_id) for node_id in volume.node_ids())
