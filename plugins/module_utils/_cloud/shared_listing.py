# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One listing for all who need one at about the same time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

from .waiting import SYSTEM_CLOCK, Clock, Deadline

L = TypeVar("L", bound=Sized)

#: Fewer than that many ask for their own objects.
CROWD = 3
#: Rows of a listing that cost a service as much as one more request. Measured with Cinder, see
#: docs/performance.md.
ROWS_PER_REQUEST = 25
#: A listing is worth its request when it ends the waiting of so many.
ENOUGH = 3
SLOWER, FASTER = 1.3, 0.75


class Crowd:
    """Those who are asking a service about objects of one kind now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size = 0

    def size(self) -> int:
        return self._size

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """Belong to the crowd for the length of the block."""
        with self._lock:
            self._size += 1
        try:
            yield
        finally:
            with self._lock:
                self._size -= 1


@dataclass(frozen=True)
class Pause:
    """Seconds between two requests for a listing: at least, and at most while somebody waits for one."""

    shortest: float = 0.3
    longest: float = 3.0


@dataclass(frozen=True)
class Listing(Generic[L]):
    """What a service listed.

    :ivar asked_at: when the request was sent, on the clock of the waits.
    """

    rows: L
    asked_at: float


class SharedListing(Generic[L]):
    """Lists on behalf of many: one of them sends the request, and all get what it brought.

    The pause between two requests grows while they end the waiting of few, and shrinks while they
    end that of many.

    :param ask: sends the request.
    :param nothing: stands for the listing until there is one.
    """

    def __init__(
        self,
        ask: Callable[[Deadline], L],
        nothing: L,
        pause: Pause,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._ask = ask
        self._limits = pause
        self._clock = clock
        self._turn = threading.Condition()
        self._asking = False
        self._asked_at = float("-inf")
        self._gap = pause.shortest
        self._ended = 0
        self._latest = Listing(nothing, float("-inf"))

    def latest(self) -> L:
        """What the last request brought, however long ago."""
        return self._latest.rows

    def is_worth(self, askers: int) -> bool:
        """Say whether a listing costs less than a request for each of that many."""
        return askers >= max(CROWD, len(self._latest.rows) / ROWS_PER_REQUEST)

    def ended_a_wait(self) -> None:
        """Note that a listing held what somebody waited for."""
        with self._turn:
            self._ended += 1

    def asked_since(self, moment: float, deadline: Deadline) -> Listing[L] | None:
        """Return a listing that was asked for at ``moment`` or later, None when the deadline passes first.

        :raises CloudError: from the request, to the one on whose behalf it was sent.
        """
        while True:
            with self._turn:
                while self._asking and self._latest.asked_at < moment and not deadline.passed():
                    self._turn.wait(deadline.left())
                if self._latest.asked_at >= moment:
                    return self._latest
                if deadline.passed():
                    return None
                self._asking = True
            try:
                self._refresh(deadline)
            finally:
                with self._turn:
                    self._asking = False
                    self._turn.notify_all()

    def _refresh(self, deadline: Deadline) -> None:
        """Ask when it is time to. One thread at a time comes here."""
        self._wait_for_its_time(deadline)
        if not deadline.passed():
            self._asked_at = self._clock.now()
            self._latest = Listing(self._ask(deadline), self._asked_at)

    def _wait_for_its_time(self, deadline: Deadline) -> None:
        shortest, longest = self._limits.shortest, self._limits.longest
        since = self._clock.now() - self._asked_at
        if since > longest:
            self._gap = shortest
            return
        deadline.sleep(max(0.0, shortest - since))
        # Those whom the last listing served have taken note by now.
        with self._turn:
            change = FASTER if self._ended >= ENOUGH else SLOWER
            self._ended = 0
        self._gap = min(max(self._gap * change, shortest), longest)
        deadline.sleep(max(0.0, self._gap - (self._clock.now() - self._asked_at)))
