# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request for all who need a listing, whatever becomes of the one who sends it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Unavailable
from ansible_collections.mooring.storage.plugins.module_utils._cloud.shared_listing import (
    Listing,
    Pause,
    SharedListing,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import SYSTEM_CLOCK, Deadline

from .test_waiting import FakeClock

AT_ONCE = Pause(0.0, 0.0)


class Service:
    """Lists numbers that grow, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()
        self.fails = 0

    def ask(self, deadline: Deadline) -> range:
        self.asked += 1
        self.may_answer.wait(deadline.left())
        if self.fails:
            self.fails -= 1
            raise Unavailable("not now")
        return range(self.asked)


@pytest.fixture
def service() -> Service:
    return Service()


def all_at_once(listing: SharedListing[range], number: int, service: Service) -> list[object]:
    """What that many get who ask at the same moment: a listing, None or an error."""
    since = SYSTEM_CLOCK.now()

    def ask() -> object:
        try:
            return listing.asked_since(since, Deadline.after(10))
        except Unavailable as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        asked = [pool.submit(ask) for dummy in range(number)]
        service.may_answer.set()
        return [each.result() for each in asked]


def test_one_request_serves_all(service: Service) -> None:
    shared = SharedListing(service.ask, range(0), AT_ONCE)
    got = all_at_once(shared, 20, service)
    assert service.asked == 1
    assert all(isinstance(each, Listing) and each.rows == range(1) for each in got)


def test_an_error_is_for_the_one_who_asked(service: Service) -> None:
    service.fails = 1
    got = all_at_once(SharedListing(service.ask, range(0), AT_ONCE), 20, service)
    assert service.asked == 2
    assert [isinstance(each, Unavailable) for each in got].count(True) == 1


def test_a_listing_from_before_is_not_used(service: Service) -> None:
    service.may_answer.set()
    shared = SharedListing(service.ask, range(0), AT_ONCE)
    first = shared.asked_since(SYSTEM_CLOCK.now(), Deadline.after(10))
    second = shared.asked_since(SYSTEM_CLOCK.now(), Deadline.after(10))
    assert (first and first.rows, second and second.rows) == (range(1), range(2))


def test_nobody_waits_past_their_own_deadline(service: Service) -> None:
    shared = SharedListing(service.ask, range(0), AT_ONCE)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(shared.asked_since, 0.0, Deadline.after(30))
        while not service.asked:
            threading.Event().wait(0.001)
        assert shared.asked_since(0.0, Deadline.after(0.01)) is None
        service.may_answer.set()
        assert slow.result() is not None


def test_the_gap_shrinks_while_a_listing_ends_many_waits(service: Service) -> None:
    service.may_answer.set()
    clock = FakeClock()
    shared = SharedListing(service.ask, range(0), Pause(shortest=1.0, longest=2.0), clock)

    def next_after(ended: int) -> float:
        """The gap to the next request, when so many found what they waited for."""
        for dummy in range(ended):
            shared.ended_a_wait()
        before = clock.now()
        shared.asked_since(before + 0.001, Deadline.after(60, clock))
        return round(clock.now() - before, 2)

    shared.asked_since(clock.now(), Deadline.after(60, clock))
    assert [next_after(ended) for ended in (0, 1, 2, 0, 3, 9, 9)] == [1.3, 1.69, 2.0, 2.0, 1.5, 1.12, 1.0]


@pytest.mark.parametrize(
    ("rows", "askers", "is_worth"), [(0, 2, False), (0, 3, True), (250, 9, False), (250, 10, True)]
)
def test_a_long_listing_takes_a_larger_crowd(rows: int, askers: int, is_worth: bool) -> None:
    shared = SharedListing(lambda deadline: range(rows), range(0), AT_ONCE)
    shared.asked_since(0.0, Deadline.after(10))
    assert shared.is_worth(askers) is is_worth
