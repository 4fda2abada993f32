# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting the volumes of nodes, where no cloud says that one is full."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.csi_server.block.node_loads import NodeLoads
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import InUse, OutOfCapacity


class Listing:
    """What Cinder lists, and how often it was asked."""

    def __init__(self, *attached: tuple[str, str]) -> None:
        self.attached = list(attached)
        self.asked = 0

    def __call__(self) -> list[tuple[str, str]]:
        self.asked += 1
        return list(self.attached)


def published(loads: NodeLoads, listing: Listing, volume: str, node: str = "node1") -> bool:
    """Whether a node has a place for a volume; one that has is given the volume."""
    try:
        with loads.place(volume, node, listing):
            listing.attached.append((volume, node))
    except OutOfCapacity:
        return False
    return True


def test_what_was_there_before_counts() -> None:
    loads, listing = NodeLoads(2), Listing(("a", "node1"), ("b", "node2"))
    assert published(loads, listing, "c")
    assert not published(loads, listing, "d")
    assert published(loads, listing, "d", "node2")
    with pytest.raises(OutOfCapacity, match="node1 has 2 volumes, and may have 2"):
        loads.place("d", "node1", listing).__enter__()


def test_one_listing_does_until_a_node_is_full() -> None:
    loads, listing = NodeLoads(4), Listing()
    assert all(published(loads, listing, volume) for volume in "abcd")
    assert listing.asked == 1
    # Asked for again, as sidecars do, a volume has its place.
    assert published(loads, listing, "a")
    assert listing.asked == 1
    assert not published(loads, listing, "e")
    assert listing.asked == 2


def test_a_place_comes_back() -> None:
    loads, listing = NodeLoads(1), Listing()
    assert published(loads, listing, "a")
    loads.free("a", "node1")
    assert published(loads, listing, "b")
    loads.free("b", "")
    assert published(loads, listing, "c")
    assert listing.asked == 1


def test_a_count_that_is_too_high_is_set_right() -> None:
    loads, listing = NodeLoads(1), Listing()
    with pytest.raises(InUse), loads.place("a", "node1", listing):
        raise InUse("another node has it")
    assert published(loads, listing, "b")
    assert listing.asked == 2


def test_a_volume_that_is_on_its_way_counts_though_it_is_not_listed() -> None:
    loads, listing = NodeLoads(1), Listing()
    with loads.place("a", "node1", listing):
        assert not published(loads, listing, "b")


def test_without_a_limit_nobody_is_asked() -> None:
    loads, listing = NodeLoads(None), Listing()
    assert all(published(loads, listing, volume) for volume in "abcd")
    assert listing.asked == 0
