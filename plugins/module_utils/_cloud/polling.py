# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many waiters on one kind of object share their requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from .observing import Observer, observed_wait
from .waiting import SYSTEM_CLOCK, Clock, Deadline, PaceSource

T = TypeVar("T")
R = TypeVar("R")


class SharedPoller(Generic[T]):
    """Looks at objects for those who wait for one of them.

    A single waiter asks for its own object. As soon as ``crowd`` wait at the same time, one list
    request serves all of them that come within ``tick`` seconds.

    :param get_one: the object of an id now, None when it does not exist.
    :param get_all: all objects that share a listing, by id.
    """

    def __init__(
        self,
        get_one: Callable[[str, Deadline], T | None],
        get_all: Callable[[Deadline], Mapping[str, T]],
        observer: Observer,
        tick: float = 0.4,
        crowd: int = 3,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._get_one = get_one
        self._get_all = get_all
        self._observer = observer
        self._tick = tick
        self._crowd = crowd
        self._clock = clock
        self._counting = threading.Lock()
        self._waiting = 0
        self._listing = threading.Lock()
        self._listed: Mapping[str, T] = {}
        self._listed_at = float("-inf")

    def wait(
        self,
        key: str,
        judge: Callable[[T | None], R | None],
        what: str,
        deadline: Deadline,
        pace: PaceSource,
    ) -> R:
        """Look at the object until ``judge`` returns something, and return that.

        :param judge: gets the object, or None when it is gone; raises for a state of failure.
        :raises CloudError: from ``judge``, from a request, or Timeout.
        """
        begun = self._clock.now()
        # An object that was in the listing once and is not any more is gone. One that never was
        # may be outside of it, and is asked for by its id.
        in_listing = False

        def poll() -> R | None:
            nonlocal in_listing
            with self._counting:
                crowded = self._waiting >= self._crowd
            if not crowded:
                return judge(self._get_one(key, deadline))
            found = self._list(begun, deadline).get(key)
            if found is None and not in_listing:
                return judge(self._get_one(key, deadline))
            in_listing = True
            return judge(found)

        with self._counting:
            self._waiting += 1
        try:
            found, looks = observed_wait(self._observer, pace.kind, poll, what, deadline, pace.pace())
            pace.learn(looks)
            return found
        finally:
            with self._counting:
                self._waiting -= 1

    def _list(self, begun: float, deadline: Deadline) -> Mapping[str, T]:
        """A listing that was asked for after ``begun`` and not long ago."""
        oldest = max(begun, self._clock.now() - self._tick)
        with self._listing:
            if self._listed_at < oldest:
                asked = self._clock.now()
                self._listed = self._get_all(deadline)
                self._listed_at = asked
            return self._listed
