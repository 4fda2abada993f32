# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: how much can still be provisioned.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

from typing import ClassVar

import grpc
from google.protobuf import wrappers_pb2

from ..proto import csi_pb2 as csi
from ..rpc.deadlines import deadline_of
from . import capabilities, parameters, sizes
from .capacity import Capacity
from .controller_part import ControllerPart, Kinds, Rpc

#: Parameters for the sidecars. Here the provisioner sends them, while of CreateVolume's it takes them out.
_FOR_SIDECARS = "csi.storage.k8s.io/"


class CapacityRpcs(ControllerPart):
    """GetCapacity, of the cloud that requests without secrets are for: this one never has any."""

    CAPABILITIES: ClassVar[Kinds] = (Rpc.GET_CAPACITY,)

    def GetCapacity(
        self, request: csi.GetCapacityRequest, context: grpc.ServicerContext
    ) -> csi.GetCapacityResponse:
        if request.volume_capabilities:
            capabilities.check(request.volume_capabilities)
        own = {key: text for key, text in request.parameters.items() if not key.startswith(_FOR_SIDECARS)}
        wanted = parameters.parse(own)
        zones = self._options.zones
        reached = zones.of_segments(request.accessible_topology.segments)
        if wanted.availability and reached not in ("", wanted.availability):
            return _encode(Capacity(0, 0))
        return _encode(
            self._clouds.of({}).capacity.of(
                wanted.type,
                wanted.availability or reached,
                any(map(capabilities.is_shared, request.volume_capabilities)),
                deadline_of(context),
            )
        )


def _encode(capacity: Capacity) -> csi.GetCapacityResponse:
    return csi.GetCapacityResponse(
        available_capacity=capacity.available * sizes.GIB,
        maximum_volume_size=wrappers_pb2.Int64Value(value=capacity.largest * sizes.GIB),
        minimum_volume_size=wrappers_pb2.Int64Value(value=sizes.GIB),
    )
