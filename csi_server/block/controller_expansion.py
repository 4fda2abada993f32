# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: volumes that grow.

Source: CSI specification 1.13, "ControllerExpandVolume".
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..proto import csi_pb2 as csi
from ..rpc.deadlines import deadline_of
from . import sizes
from .controller_part import ControllerPart, Kinds, Rpc, require


class ExpansionRpcs(ControllerPart):
    """ControllerExpandVolume."""

    CAPABILITIES: ClassVar[Kinds] = (Rpc.EXPAND_VOLUME,)

    def ControllerExpandVolume(
        self, request: csi.ControllerExpandVolumeRequest, context: grpc.ServicerContext
    ) -> csi.ControllerExpandVolumeResponse:
        require(request, "volume_id")
        if not request.HasField("capacity_range"):
            raise InvalidRequest("capacity_range is missing")
        wanted = sizes.parse(request.capacity_range.required_bytes, request.capacity_range.limit_bytes)
        with self._locks.hold(request.volume_id):
            volume = self._clouds.of(request.secrets).expansion.expand(
                request.volume_id, wanted, deadline_of(context)
            )
        return csi.ControllerExpandVolumeResponse(
            capacity_bytes=volume.size * sizes.GIB,
            # A filesystem has to grow, now or at its next mount. A raw device has to be seen at its new
            # size by the node that holds it; the next one that gets it sees nothing else.
            node_expansion_required=bool(
                volume.attachments or not request.volume_capability.HasField("block")
            ),
        )
