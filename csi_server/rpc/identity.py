# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Identity service.

Source: CSI specification 1.13, "Identity Service RPC".
"""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from google.protobuf import wrappers_pb2

from ..proto import csi_pb2 as csi
from ..proto import csi_pb2_grpc
from .readiness import Readiness

_Service = csi.PluginCapability.Service
_Expansion = csi.PluginCapability.VolumeExpansion


@dataclass(frozen=True)
class IdentityOptions:
    """What a driver says of itself."""

    name: str
    version: str
    controller: bool
    """Whether this process serves Controller."""
    topology: bool = True
    """Whether volumes are made where their pods may run."""


class IdentityServicer(csi_pb2_grpc.IdentityServicer):
    """Serves Identity."""

    def __init__(self, options: IdentityOptions, readiness: Readiness) -> None:
        self._options = options
        self._readiness = readiness

    def GetPluginInfo(
        self, request: csi.GetPluginInfoRequest, context: grpc.ServicerContext
    ) -> csi.GetPluginInfoResponse:
        return csi.GetPluginInfoResponse(name=self._options.name, vendor_version=self._options.version)

    def GetPluginCapabilities(
        self, request: csi.GetPluginCapabilitiesRequest, context: grpc.ServicerContext
    ) -> csi.GetPluginCapabilitiesResponse:
        services = [_Service.VOLUME_ACCESSIBILITY_CONSTRAINTS] if self._options.topology else []
        if self._options.controller:
            services += [_Service.CONTROLLER_SERVICE, _Service.GROUP_CONTROLLER_SERVICE]
        # Of an expansion that an attached volume's back end refuses, ControllerExpandVolume tells.
        expansions = [_Expansion.ONLINE, _Expansion.OFFLINE]
        return csi.GetPluginCapabilitiesResponse(
            capabilities=[
                *(csi.PluginCapability(service=_Service(type=each)) for each in services),
                *(csi.PluginCapability(volume_expansion=_Expansion(type=each)) for each in expansions),
            ]
        )

    def Probe(self, request: csi.ProbeRequest, context: grpc.ServicerContext) -> csi.ProbeResponse:
        """Answer at once; not ready is an answer, and /readyz says why."""
        return csi.ProbeResponse(ready=wrappers_pb2.BoolValue(value=not self._readiness.reasons()))
