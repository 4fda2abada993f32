# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Controller service of the Cinder driver.

Each method checks the request, takes the lock, calls the volumes and encodes the answer. Errors
are raised as they are: one interceptor gives them their status.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

import grpc

from ..proto import csi_pb2 as csi
from .controller_attachments import AttachmentRpcs
from .controller_capacity import CapacityRpcs
from .controller_expansion import ExpansionRpcs
from .controller_listing import ListingRpcs
from .controller_modification import ModificationRpcs
from .controller_part import ControllerPart
from .controller_snapshots import SnapshotRpcs
from .controller_volumes import VolumeRpcs


class ControllerServicer(
    VolumeRpcs,
    AttachmentRpcs,
    SnapshotRpcs,
    ExpansionRpcs,
    ModificationRpcs,
    ListingRpcs,
    CapacityRpcs,
):
    """Serves Controller: its parts, and what they amount to."""

    def ControllerGetCapabilities(
        self, request: csi.ControllerGetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.ControllerGetCapabilitiesResponse:
        parts = [part for part in type(self).__mro__ if issubclass(part, ControllerPart)]
        kinds = sorted({kind for part in parts for kind in part.CAPABILITIES})
        return csi.ControllerGetCapabilitiesResponse(
            capabilities=[
                csi.ControllerServiceCapability(rpc=csi.ControllerServiceCapability.RPC(type=kind))
                for kind in kinds
            ]
        )
