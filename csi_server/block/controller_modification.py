# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: volumes that change.

Source: CSI specification 1.13, "ControllerModifyVolume".
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from ..proto import csi_pb2 as csi
from ..rpc.deadlines import deadline_of
from . import mutable_parameters
from .controller_part import ControllerPart, Kinds, Rpc, require


class ModificationRpcs(ControllerPart):
    """ControllerModifyVolume."""

    CAPABILITIES: ClassVar[Kinds] = (Rpc.MODIFY_VOLUME,)

    def ControllerModifyVolume(
        self, request: csi.ControllerModifyVolumeRequest, context: grpc.ServicerContext
    ) -> csi.ControllerModifyVolumeResponse:
        require(request, "volume_id")
        wanted = mutable_parameters.parse(request.mutable_parameters)
        with self._locks.hold(request.volume_id):
            self._clouds.of(request.secrets).modification.modify(
                request.volume_id, wanted, deadline_of(context)
            )
        return csi.ControllerModifyVolumeResponse()
