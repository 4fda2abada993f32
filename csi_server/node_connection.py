# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this node is known, and how volumes come to it, where it connects to storage by itself."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from ..plugins.module_utils._cloud.observing import Observer
from . import node_identity
from .block import connector
from .host.brick import OsBrick
from .host.commands import Commands
from .host.connections import ConnectedDevices
from .host.devices import Devices
from .host.errors import HostError
from .node_identity import NodeIdentity


@dataclass(frozen=True)
class ThroughCinder:
    """The node connects to storage by itself, and is known by what it connects with.

    :ivar address: the node's address in the storage network.
    :ivar folder: where connections are written down; it must outlive the driver.
    """

    brick: OsBrick
    address: str
    folder: str

    def identify(self) -> NodeIdentity:
        try:
            node_id = connector.encode(self.brick.properties(socket.gethostname(), self.address))
        except (HostError, connector.BadConnector) as error:
            raise node_identity.Unknown(str(error)) from error
        return NodeIdentity(node_id, "", "os-brick")

    def devices(self, commands: Commands, observer: Observer) -> Devices:
        return ConnectedDevices(commands, self.brick, self.folder, observer)
