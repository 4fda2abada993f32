# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a volume may be, in CSI's segments and Cinder's zones."""

from __future__ import annotations

from ..proto import csi_pb2 as csi
from . import names


def wanted_zone(requirement: csi.TopologyRequirement, given: str = "") -> str:
    """Return the zone that the request prefers most, an empty string when it names none.

    :param given: where the volume's content is already, if it has any: taken when the request allows it.
    """
    named = [
        topology.segments.get(names.TOPOLOGY_ZONE, "")
        for topology in (*requirement.preferred, *requirement.requisite)
    ]
    if given and given in named:
        return given
    return next((zone for zone in named if zone), "")


def of_zone(zone: str) -> csi.Topology:
    """Return the topology of what is in a zone."""
    return csi.Topology(segments={names.TOPOLOGY_ZONE: zone})
