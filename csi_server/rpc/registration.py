# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the driver known to the kubelet, without a sidecar.

Source: kubelet plugin registration, version 1.
"""

from __future__ import annotations

import contextlib
import logging
import os

import grpc

from ..proto import pluginregistration_pb2 as registration
from ..proto import pluginregistration_pb2_grpc
from .readiness import Readiness
from .server import listen

LOG = logging.getLogger(__name__)
PART = "kubelet"


class RegistrationServicer(pluginregistration_pb2_grpc.RegistrationServicer):
    """Answers the kubelet, which calls as soon as it sees the socket."""

    def __init__(self, driver: str, endpoint: str, readiness: Readiness) -> None:
        self._driver = driver
        self._endpoint = endpoint
        self._readiness = readiness

    def GetInfo(
        self, request: registration.InfoRequest, context: grpc.ServicerContext
    ) -> registration.PluginInfo:
        return registration.PluginInfo(
            type="CSIPlugin", name=self._driver, endpoint=self._endpoint, supported_versions=["1.0.0"]
        )

    def NotifyRegistrationStatus(
        self, request: registration.RegistrationStatus, context: grpc.ServicerContext
    ) -> registration.RegistrationStatusResponse:
        if request.plugin_registered:
            LOG.info("the kubelet registered the driver", extra={"driver": self._driver})
            self._readiness.has(PART)
        else:
            # The kubelet tries again by itself.
            LOG.error(
                "the kubelet refused the driver", extra={"driver": self._driver, "error": request.error}
            )
            self._readiness.lacks(PART, f"the kubelet refused the driver: {request.error}")
        return registration.RegistrationStatusResponse()


class Registration:
    """The registration socket of one driver.

    :param folder: the kubelet's plugins_registry, as this process sees it.
    :param endpoint: the driver's socket, as the kubelet sees it.
    """

    def __init__(self, folder: str, driver: str, endpoint: str, readiness: Readiness) -> None:
        self._path = os.path.join(folder, f"{driver}-reg.sock")
        self._servicer = RegistrationServicer(driver, endpoint, readiness)
        self._server: grpc.Server | None = None
        readiness.lacks(PART, "the kubelet has not registered the driver yet")

    def start(self) -> None:
        """Show the socket. The driver has to answer already: the kubelet calls it next."""
        self._server = listen(self._path, 2, [])
        pluginregistration_pb2_grpc.add_RegistrationServicer_to_server(self._servicer, self._server)
        self._server.start()

    def stop(self) -> None:
        """Take the socket away, so that the kubelet forgets the driver."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        if self._server is not None:
            self._server.stop(0)
