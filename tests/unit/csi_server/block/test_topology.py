# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones of nodes and of volumes, with and without a map."""

from __future__ import annotations

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.block.topology import Zones
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

SAME = Zones()
MAPPED = Zones({"rack1": "ssd", "rack2": "ssd", "rack3": "hdd", "hdd": "tape"})


def term(zone: str, **more: str) -> csi.Topology:
    return csi.Topology(segments={names.TOPOLOGY_ZONE: zone, **more})


def required(*preferred: csi.Topology) -> csi.TopologyRequirement:
    return csi.TopologyRequirement(preferred=preferred, requisite=sorted(preferred, key=str))


def test_zones_go_by_their_names() -> None:
    requirement = required(term("b"), term("a"))
    assert SAME.wanted(requirement) == "b"
    assert SAME.wanted(requirement, given="a") == "a"
    assert SAME.accessible("a", requirement) == [term("a")]
    assert SAME.around("a zone") == [term("a-zone")]


def test_a_map_leads_there_and_back() -> None:
    requirement = required(term("rack2"), term("rack3"), term("rack1"))
    assert MAPPED.wanted(requirement) == "ssd"
    assert MAPPED.accessible("ssd", requirement) == [term("rack2"), term("rack1")]
    assert MAPPED.around("ssd") == [term("rack1"), term("rack2"), term("ssd")]
    # Nodes of a zone hdd have their volumes in tape, so the volumes of hdd are rack3's alone.
    assert MAPPED.around("hdd") == [term("rack3")]


def test_a_topology_comes_back_with_all_its_segments() -> None:
    requirement = required(term("a", region="south"), term("b", region="south"), term("a", region="north"))
    assert SAME.accessible("a", requirement) == [term("a", region="south"), term("a", region="north")]


def test_a_zone_that_was_set_otherwise_is_told_as_it_is() -> None:
    assert SAME.accessible("c", required(term("a"))) == [term("c")]


def test_nodes_that_tell_no_zone_reach_every_zone() -> None:
    rack = csi.Topology(segments={"rack": "r1"})
    assert SAME.accessible("a", required(rack)) == [rack]


def test_without_zones_everything_fits_everywhere() -> None:
    everywhere = Zones(ignored=True)
    requirement = required(term("a"), term("b"))
    assert everywhere.wanted(requirement) == ""
    assert everywhere.accessible("c", requirement) == [term("a"), term("b")]
    assert everywhere.around("c") == []
