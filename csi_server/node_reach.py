# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this node is known, and how volumes come to it; here, through its hypervisor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..plugins.module_utils._cloud.observing import Observer
from ..plugins.module_utils._cloud.waiting import Deadline
from . import node_identity
from .host.commands import Commands
from .host.devices import Devices
from .node_identity import NodeIdentity


class Reach(Protocol):
    """One way of attaching, as a node sees it."""

    def identify(self) -> NodeIdentity:
        """Learn the node's id.

        :raises node_identity.Unknown: it cannot be found out now; the text says why.
        """

    def devices(self, commands: Commands, observer: Observer) -> Devices:
        """Return what finds the devices of volumes."""


@dataclass(frozen=True)
class ThroughNova:
    """The node is a server of Nova, and its hypervisor plugs volumes in.

    :ivar zone_until: until then the node's zone is waited for, None when it is not wanted.
    :ivar kubelet_folder: the kubelet's, which the driver sees where the kubelet does.
    """

    sources: Sequence[str]
    node_id: str
    metadata_timeout: float
    zone_until: Deadline | None
    kubelet_folder: str = node_identity.KUBELET_FOLDER

    def identify(self) -> NodeIdentity:
        return node_identity.identify(
            self.sources, self.node_id, self.metadata_timeout, self.zone_until, self.kubelet_folder
        )

    def devices(self, commands: Commands, observer: Observer) -> Devices:
        return Devices(commands, observer=observer)
