# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many waiters on one kind of object share their requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from .observing import Observer, observed_wait
from .shared_listing import Crowd, Pause, SharedListing
from .waiting import SYSTEM_CLOCK, Clock, Deadline, Pace, PaceSource

T = TypeVar("T")
R = TypeVar("R")


class SharedPoller(Generic[T]):
    """Looks at objects for those who wait for one of them.

    A few waiters ask for their own objects. In a crowd, one list request serves all.

    :param get_one: the object of an id now, None when it does not exist.
    :param get_all: all objects that share a listing, by id.
    :param crowd: those who wait, and others who ask for objects of this kind.
    """

    def __init__(
        self,
        get_one: Callable[[str, Deadline], T | None],
        get_all: Callable[[Deadline], Mapping[str, T]],
        observer: Observer,
        crowd: Crowd | None = None,
        pause: Pause | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._get_one = get_one
        self._crowd = crowd or Crowd()
        self._observer = observer
        self._clock = clock
        self._listing: SharedListing[Mapping[str, T]] = SharedListing(get_all, {}, pause or Pause(), clock)

    def wait(
        self,
        key: str,
        judge: Callable[[T | None], R | None],
        what: str,
        deadline: Deadline,
        pace: PaceSource,
    ) -> R:
        """Look at the object until ``judge`` returns something, and return that.

        What is not in a listing, or not any more, may have lost what it is listed by: it is asked for by its
        id before it is taken for gone.

        :param judge: gets the object, or None when it is gone; raises for a state of failure.
        :raises CloudError: from ``judge``, from a request, or Timeout.
        """
        return self._wait(key, judge, lambda: self._get_one(key, deadline), what, deadline, pace)

    def wait_until_gone(
        self,
        key: str,
        judge: Callable[[T | None], R | None],
        what: str,
        deadline: Deadline,
        pace: PaceSource,
    ) -> R:
        """Look as ``wait`` does at an object whose end is waited for.

        It is gone when it was in a listing once and is not any more: that saves a request for each. One that
        never was may be outside of it, and is asked for by its id.
        """
        return self._wait(key, judge, lambda: None, what, deadline, pace)

    def _wait(
        self,
        key: str,
        judge: Callable[[T | None], R | None],
        left: Callable[[], T | None],
        what: str,
        deadline: Deadline,
        pace: PaceSource,
    ) -> R:
        """See ``wait``.

        :param left: returns what has become of the object when it is not in the listing any more.
        """
        since = begun = self._clock.now()
        in_listing = key in self._listing.latest()
        alone = True

        def poll() -> R | None:
            nonlocal since, in_listing, alone
            if not self._is_crowded():
                return judge(self._get_one(key, deadline))
            alone = False
            listing = self._listing.asked_since(since, deadline)
            if listing is None:
                return None
            since = math.nextafter(listing.asked_at, math.inf)
            found = listing.rows.get(key)
            if found is None:
                found = left() if in_listing else self._get_one(key, deadline)
            else:
                in_listing = True
            verdict = judge(found)
            if verdict is not None and in_listing:
                self._listing.ended_a_wait()
            return verdict

        with self._crowd.joined():
            gaps = _CrowdPace(pace.pace(), self._is_crowded)
            verdict, looks = observed_wait(self._observer, pace.kind, poll, what, deadline, gaps)
        # What a wait takes in a crowd says nothing of one alone.
        if alone:
            pace.learn(looks, self._clock.now() - begun)
        return verdict

    def _is_crowded(self) -> bool:
        return self._listing.is_worth(self._crowd.size())


class _CrowdPace:
    """A pace that leaves the gaps to the shared listing, which has its own, as long as there is a crowd."""

    def __init__(self, pace: Pace, is_crowded: Callable[[], bool]) -> None:
        self._pace = pace
        self._is_crowded = is_crowded

    def gaps(self) -> Iterator[float]:
        for number, gap in enumerate(self._pace.gaps()):
            while number and self._is_crowded():
                yield 0.0
            yield gap
