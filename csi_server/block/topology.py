# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a volume may be, in CSI's segments and Cinder's zones.

A node is in a zone of Nova's, a volume in one of Cinder's. Usually they have the same names; where they
have not, a map says which go together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..proto import csi_pb2 as csi
from . import names


@dataclass(frozen=True)
class Zones:
    """How the zones of nodes and of volumes go together.

    :ivar volume_zones: Cinder's zone by the node's, where the names differ (``--zone-map``).
    :ivar ignored: volumes can be attached in every zone (``ignore-volume-az``).
    """

    volume_zones: Mapping[str, str] = field(default_factory=dict)
    ignored: bool = False

    def wanted(self, requirement: csi.TopologyRequirement, given: str = "") -> str:
        """Return Cinder's zone that a request prefers most, an empty string when any will do.

        :param given: where the volume's content is already, if it has any: taken when the request allows it.
        """
        if self.ignored:
            return ""
        named = self.allowed(requirement)
        if given and given in named:
            return given
        return next((zone for zone in named if zone), "")

    def allowed(self, requirement: csi.TopologyRequirement) -> list[str]:
        """Return Cinder's zones that a request names, the most preferred first."""
        return [self.of_segments(each.segments) for each in (*requirement.preferred, *requirement.requisite)]

    def of_segments(self, segments: Mapping[str, str]) -> str:
        """Return Cinder's zone for a node's segments, an empty string for any zone."""
        zone = segments.get(names.TOPOLOGY_ZONE, "")
        return "" if self.ignored else self.volume_zones.get(zone, zone)

    def around(self, volume_zone: str) -> list[csi.Topology]:
        """Return the topologies from which a volume in a zone of Cinder's can be reached; none means all."""
        if self.ignored:
            return []
        return [csi.Topology(segments={names.TOPOLOGY_ZONE: zone}) for zone in self._node_zones(volume_zone)]

    def accessible(self, volume_zone: str, requirement: csi.TopologyRequirement) -> list[csi.Topology]:
        """Return those of a request's topologies from which a volume can be reached, with all their segments.

        When it is none of them, because the volume's zone was set in another way, its own.
        """
        if self.ignored:
            return list(requirement.requisite)
        zones = self._node_zones(volume_zone)
        fitting: list[csi.Topology] = []
        for each in (*requirement.preferred, *requirement.requisite):
            # Nodes that tell no zone reach volumes of every zone.
            zone = each.segments.get(names.TOPOLOGY_ZONE)
            if (zone is None or zone in zones) and each not in fitting:
                fitting.append(each)
        return fitting or self.around(volume_zone)

    def _node_zones(self, volume_zone: str) -> list[str]:
        mapped = [node for node, volume in self.volume_zones.items() if volume == volume_zone]
        if volume_zone in self.volume_zones:
            return mapped
        return [*mapped, names.zone_label(volume_zone)]
