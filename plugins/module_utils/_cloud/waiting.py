# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a remote state: the only place of this collection that sleeps between polls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

from .errors import CredentialRefused, Timeout, Unavailable

T = TypeVar("T")


class Clock(Protocol):
    """Time as the waits see it, so that tests need none."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let that many seconds pass."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


@dataclass(frozen=True)
class Deadline:
    """A moment on a clock after which nobody waits for the answer any more."""

    at: float
    clock: Clock = SYSTEM_CLOCK

    @classmethod
    def after(cls, seconds: float, clock: Clock = SYSTEM_CLOCK) -> Self:
        return cls(clock.now() + seconds, clock)

    def within(self, seconds: float) -> Self:
        """That many seconds from now, but not after this deadline."""
        return replace(self, at=min(self.at, self.clock.now() + seconds))

    def left(self) -> float:
        """Seconds until then, 0 when it has passed."""
        return max(0.0, self.at - self.clock.now())

    def passed(self) -> bool:
        return self.clock.now() >= self.at

    def sleep(self, seconds: float) -> None:
        """Sleep, but never past the deadline."""
        self.clock.sleep(min(seconds, self.left()))


@dataclass(frozen=True)
class Pace:
    """When to look: seconds until the first poll, then until the second, the growth of the gap, its limit."""

    first: float = 0.6
    second: float = 0.4
    growth: float = 1.5
    longest: float = 5.0

    def gaps(self) -> Iterator[float]:
        """Yield the seconds before each poll."""
        yield self.first
        gap = self.second
        while True:
            yield gap
            gap = min(gap * self.growth, self.longest)


class LearnedPace:
    """A pace whose first look comes when the others of its kind were found ready.

    Each look costs a request, and each moment between ready and seen costs somebody's time. A first
    look that finds the end moves the next one a little ahead; one that comes too early moves it back
    by ten times as much. So about one in ten comes too early.

    A wait of another order than the first look (STRANGE) is of another work, such as a large copy, or of a
    cloud in trouble: alone it teaches nothing, so that the quick ones do not come to wait for the slow ones.
    Two of them in a row are how it is now.

    :param kind: what is waited for, in the words of the metrics: ``volume_available``.
    :param latest: seconds until the first look, at most: what a quick one may come to wait for.
    """

    SOONER, LATER, STRANGE = 0.97, 1.3, 3.0

    def __init__(self, kind: str, first: float, soonest: float = 0.2, latest: float = 1.5) -> None:
        self.kind = kind
        self._first = first
        self._soonest = soonest
        self._latest = latest
        self._last_was_strange = False

    def pace(self) -> Pace:
        return Pace(first=self._first, second=max(self._soonest, self._first / 2))

    def learn(self, looks: int, seconds: float) -> None:
        """Take into account how many looks one wait took, and how long."""
        strange = looks > 1 and seconds > self._first * self.STRANGE
        alone = strange and not self._last_was_strange
        self._last_was_strange = strange
        if not alone:
            factor = self.SOONER if looks == 1 else self.LATER
            self._first = min(max(self._first * factor, self._soonest), self._latest)


class PaceSource(Protocol):
    """Where waits of one kind get their pace from, and tell how it went."""

    @property
    def kind(self) -> str: ...

    def pace(self) -> Pace: ...

    def learn(self, looks: int, seconds: float) -> None: ...


class Gaps(Protocol):
    """When to look."""

    def gaps(self) -> Iterator[float]:
        """Yield the seconds before each poll, without end."""


USUAL_PACE = Pace()
#: So many looks in a row may fail for want of an answer before a wait does.
FORGIVEN = 2


def wait_for(poll: Callable[[], T | None], what: str, deadline: Deadline, pace: Gaps = USUAL_PACE) -> T:
    """Call ``poll`` until it returns something other than None, and return that.

    ``poll`` raises a CloudError for a state from which the wanted one is never reached.
    The last poll happens at the deadline itself.

    :param what: names the object and the state waited for, for the error's message.
    :raises Timeout: the deadline passed first; says why the last look failed, if it did.
    :raises Unavailable: the service does not answer; CredentialRefused after one look.
    """
    failures: list[Unavailable] = []
    for gap in pace.gaps():
        last = deadline.left() <= gap
        deadline.sleep(gap)
        try:
            found = poll()
        except CredentialRefused:
            raise
        except Unavailable as failure:
            failures.append(failure)
            if len(failures) > FORGIVEN:
                raise
        except Timeout as late:
            # Whoever was to be asked was not any more.
            raise _given_up(what, failures, late.message) from late
        else:
            if found is not None:
                return found
            failures.clear()
        if last:
            break
    raise _given_up(what, failures, "the time allowed for it has passed")


def _given_up(what: str, failures: Sequence[Unavailable], why: str) -> Timeout:
    said = f"; the last answer: {failures[-1]}" if failures else ""
    return Timeout(f"gave up waiting for {what}: {why}{said}")
