# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting the volumes of nodes, where no cloud says that one is full."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from ansible_collections.mooring.storage.csi_server.block.node_loads import NodeLoads
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    InUse,
    OutOfCapacity,
    Timeout,
    Unavailable,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume import Volume, from_api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline

from ..conftest import MINE

#: Of a volume that was made for another cluster.
NOT_MINE: Mapping[str, str] = {}


def volume(name: str, node: str = "", metadata: Mapping[str, str] | None = None) -> Volume:
    attachments = [{"attachment_id": name, "server_id": node}] if node else []
    return from_api(
        {
            "id": name,
            "name": name,
            "size": 1,
            "status": "available",
            "metadata": MINE if metadata is None else metadata,
        }
        | {"attachments": attachments}
    )


class Cinder:
    """The volumes that there are, and how often they were listed."""

    def __init__(self, limit: int) -> None:
        self.attached: dict[tuple[str, str], Volume] = {}
        self.asked = 0
        self.fault: Exception | None = None
        self.loads = NodeLoads(limit, self._list, MINE)

    def _list(self, deadline: Deadline) -> list[Volume]:
        self.asked += 1
        if self.fault:
            raise self.fault
        return [each for each in self.attached.values() if each.metadata == MINE]

    def add(self, name: str, node: str, metadata: Mapping[str, str] | None = None) -> None:
        self.attached[name, node] = volume(name, node, metadata)

    def attaches(self, name: str, node: str = "node1", metadata: Mapping[str, str] | None = None) -> bool:
        """Whether a node has a place for a volume; one that has is given the volume."""
        try:
            with self.loads.place(volume(name, metadata=metadata), node, Deadline.after(10)):
                self.add(name, node, metadata)
        except OutOfCapacity:
            return False
        return True

    def detach(self, name: str, node: str = "node1") -> None:
        del self.attached[name, node]
        self.loads.free(name, node)


def test_what_was_there_before_counts() -> None:
    cinder = Cinder(2)
    cinder.add("a", "node1")
    cinder.add("b", "node2")
    assert cinder.attaches("c")
    assert not cinder.attaches("d")
    assert cinder.attaches("d", "node2")
    full = pytest.raises(OutOfCapacity, match="node1 has 2 volumes, and may have 2")
    with full, cinder.loads.place(volume("d"), "node1", Deadline.after(10)):
        pass


def test_one_listing_does_until_a_node_is_full() -> None:
    cinder = Cinder(4)
    assert all(cinder.attaches(name) for name in "abcd")
    assert cinder.asked == 1
    assert cinder.attaches("a")
    assert cinder.asked == 1
    assert not cinder.attaches("e")
    assert cinder.asked == 2


def test_a_place_comes_back() -> None:
    cinder = Cinder(1)
    assert cinder.attaches("a")
    cinder.detach("a")
    assert cinder.attaches("b")
    assert cinder.asked == 1


def test_a_count_that_is_too_high_is_set_right() -> None:
    cinder = Cinder(1)
    with pytest.raises(InUse), cinder.loads.place(volume("a"), "node1", Deadline.after(10)):
        raise InUse("another node has it")
    assert cinder.attaches("b")
    assert cinder.asked == 2


def test_a_volume_that_is_on_its_way_counts_though_it_is_not_listed() -> None:
    cinder = Cinder(1)
    with cinder.loads.place(volume("a"), "node1", Deadline.after(10)):
        assert not cinder.attaches("b")


def test_volumes_of_others_count_though_they_are_not_listed() -> None:
    cinder = Cinder(2)
    assert cinder.attaches("of-another-cluster", metadata=NOT_MINE)
    assert cinder.attaches("a")
    assert not cinder.attaches("b")
    assert not cinder.attaches("b")
    cinder.detach("of-another-cluster")
    assert cinder.attaches("b")


def test_volumes_of_others_that_were_there_before_count_once_they_are_seen() -> None:
    cinder = Cinder(1)
    cinder.loads.keep(volume("of-another-cluster", "node1", NOT_MINE), "node1")
    assert not cinder.attaches("a")


def test_volumes_that_cannot_be_listed_are_an_error_and_counted_later() -> None:
    cinder = Cinder(1)
    cinder.fault = Unavailable("down")
    with pytest.raises(Unavailable):
        cinder.attaches("a")
    cinder.fault = None
    assert cinder.attaches("a")
    cinder.fault = Unavailable("down")
    # What is known is in no need of a listing.
    assert cinder.attaches("a")
    assert cinder.attaches("b", "node2")
    with pytest.raises(Unavailable):
        cinder.attaches("c")


def test_what_comes_and_goes_while_others_are_listed_counts_and_nobody_waits() -> None:
    cinder, begun, go_on = Cinder(2), threading.Event(), threading.Event()
    assert cinder.attaches("a")
    assert cinder.attaches("b")
    assert cinder.attaches("x", "node2")
    listing = cinder._list

    def slowly(deadline: Deadline) -> list[Volume]:
        found = listing(deadline)
        begun.set()
        go_on.wait(10)
        return found

    cinder.loads._listed = slowly
    outcome: list[bool] = []
    asking = threading.Thread(target=lambda: outcome.append(cinder.attaches("c")))
    asking.start()
    begun.wait(10)
    cinder.detach("a")
    assert cinder.attaches("y", "node2")
    with pytest.raises(Timeout), cinder.loads.place(volume("z"), "node2", Deadline.after(0.1)):
        pass
    go_on.set()
    asking.join()
    assert outcome == [True]
    assert not cinder.attaches("d")
    assert not cinder.attaches("z", "node2")


def test_of_many_at_once_as_many_get_a_place_as_there_are() -> None:
    cinder = Cinder(5)
    outcomes: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: outcomes.append(cinder.attaches(f"v{n}"))) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) == len(cinder.attached) == 5
