# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiters on one kind of object: a few ask for their own, a crowd shares its requests."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Timeout
from ansible_collections.mooring.storage.plugins.module_utils._cloud.observing import UNOBSERVED
from ansible_collections.mooring.storage.plugins.module_utils._cloud.polling import SharedPoller
from ansible_collections.mooring.storage.plugins.module_utils._cloud.shared_listing import Crowd, Pause
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline, Pace
from ansible_collections.mooring.storage.tests.unit.pace import SteadyPace

from .test_waiting import FakeClock


class LearningPace(SteadyPace):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(Pace(first=1, second=2, growth=1))
        self.learned: list[tuple[int, float]] = []

    def learn(self, looks: int, seconds: float) -> None:
        self.learned.append((looks, seconds))


class World:
    """Objects, what was asked about them, and one who waits for one of them."""

    def __init__(self) -> None:
        self.objects = {"a": "new"}
        self.listings: Iterator[Mapping[str, str]] | None = None
        self.asked: list[tuple[float, str]] = []
        self.clock = FakeClock()
        self.crowd = Crowd()
        self.pace = LearningPace()
        self.poller = SharedPoller(
            self.one, self.all, UNOBSERVED, self.crowd, Pause(shortest=0.5, longest=1.5), self.clock
        )

    def one(self, key: str, deadline: Deadline) -> str | None:
        self.asked.append((self.clock.now() - 1000, key))
        return self.objects.get(key)

    def all(self, deadline: Deadline) -> Mapping[str, str]:
        self.asked.append((self.clock.now() - 1000, "*"))
        return next(self.listings) if self.listings is not None else dict(self.objects)

    def wait_until(self, state: str | None, seconds: float = 60) -> bool:
        wait = self.poller.wait_until_gone if state is None else self.poller.wait
        return wait(
            "a",
            lambda now: True if now == state else None,
            f"a to be {state}",
            Deadline.after(seconds, self.clock),
            self.pace,
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def crowded(world: World) -> Iterator[World]:
    with contextlib.ExitStack() as others:
        for dummy in range(5):
            others.enter_context(world.crowd.joined())
        yield world


def test_a_single_waiter_asks_for_its_own_object(world: World) -> None:
    world.objects["a"] = "ready"
    world.wait_until("ready")
    assert world.asked == [(1, "a")]
    assert world.pace.learned == [(1, 1.0)]


def test_in_a_crowd_the_listing_serves(crowded: World) -> None:
    crowded.objects["a"] = "ready"
    crowded.wait_until("ready")
    assert crowded.asked == [(1, "*")]


def test_what_waits_take_in_a_crowd_is_no_measure_of_one_alone(crowded: World) -> None:
    crowded.objects["a"] = "ready"
    crowded.wait_until("ready")
    assert crowded.pace.learned == []


def test_in_a_crowd_the_listing_sets_the_pace(crowded: World) -> None:
    crowded.listings = iter([{"a": "new"}, {"a": "new"}, {"a": "new"}, {"a": "ready"}])
    crowded.wait_until("ready")
    moments = [moment for moment, dummy in crowded.asked]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    # It ends the waiting of nobody, so the gap grows.
    assert gaps == pytest.approx([0.65, 0.845, 1.0985])


def test_a_wait_that_outlives_its_crowd_goes_on_alone(world: World) -> None:
    with contextlib.ExitStack() as others:
        for dummy in range(5):
            others.enter_context(world.crowd.joined())

        def only_once() -> Iterator[Mapping[str, str]]:
            others.close()
            yield {"a": "new"}

        world.listings = only_once()
        world.objects["a"] = "ready"
        world.wait_until("ready")
    assert [what for dummy, what in world.asked] == ["*", "a"]


def test_what_was_never_in_a_listing_is_asked_for_by_its_id(crowded: World) -> None:
    crowded.listings = iter([{}])
    crowded.objects["a"] = "ready"
    crowded.wait_until("ready")
    assert [what for dummy, what in crowded.asked] == ["*", "a"]


def test_what_left_the_listing_is_asked_for_by_its_id_where_its_end_is_not_waited_for(crowded: World) -> None:
    crowded.listings = iter([{"a": "new"}, {}])
    crowded.objects["a"] = "ready"
    crowded.wait_until("ready")
    assert [what for dummy, what in crowded.asked] == ["*", "*", "a"]


def test_what_left_the_listing_is_gone(crowded: World) -> None:
    crowded.listings = iter([{"a": "deleting"}, {}])
    crowded.wait_until(None)
    assert [what for dummy, what in crowded.asked] == ["*", "*"]


def test_what_an_earlier_wait_saw_listed_and_is_not_any_more_is_gone(crowded: World) -> None:
    crowded.listings = iter([{"a": "ready"}, {}])
    crowded.wait_until("ready")
    crowded.wait_until(None)
    assert [what for dummy, what in crowded.asked] == ["*", "*"]


@pytest.mark.parametrize("others", [0, 5])
def test_a_wait_ends_with_its_deadline(world: World, others: int) -> None:
    with contextlib.ExitStack() as crowd:
        for dummy in range(others):
            crowd.enter_context(world.crowd.joined())
        with pytest.raises(Timeout, match="a to be ready"):
            world.wait_until("ready", seconds=4.2)
    assert world.clock.now() == pytest.approx(1004.2)
    assert world.crowd.size() == 0
