# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What those who watch this layer are told: of each request, and of each wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from .waiting import Deadline, Gaps, wait_for

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One HTTP request that was made."""

    name: str
    """What it does, in the words of the metrics: ``volume_create``."""
    seconds: float
    request_id: str
    error: str
    """The domain error's class, an empty string for success."""
    repeats: int = 0
    """The HTTP status that made the service want the request again, 0 for a first request."""


@dataclass(frozen=True)
class Wait:
    """One wait for a state that ended."""

    kind: str
    """What was waited for, in the words of the metrics: ``volume_available``."""
    seconds: float
    looks: int
    error: str
    """The error's class, an empty string when the state was reached."""


class Observer(Protocol):
    """Who watches. Called in the thread that sends or waits; raises nothing."""

    def begins(self, name: str) -> None:
        """A request of that name is about to be sent; ``ends`` follows."""

    def ends(self, call: Call) -> None:
        """A request was answered, or failed."""

    def waited(self, wait: Wait) -> None:
        """A wait ended."""


class _Unobserved:
    """Looks away."""

    def begins(self, name: str) -> None:
        pass

    def ends(self, call: Call) -> None:
        pass

    def waited(self, wait: Wait) -> None:
        pass


UNOBSERVED: Observer = _Unobserved()


def observed_wait(
    observer: Observer, kind: str, poll: Callable[[], T | None], what: str, deadline: Deadline, pace: Gaps
) -> tuple[T, int]:
    """Wait as ``wait_for`` does, tell the observer, and return what was found and after how many looks.

    :param kind: one of a few words: never an object's name or id.
    """
    looks, error = 0, ""

    def look() -> T | None:
        nonlocal looks
        looks += 1
        return poll()

    begun = deadline.clock.now()
    try:
        found = wait_for(look, what, deadline, pace)
    except Exception as failed:
        error = type(failed).__name__
        raise
    finally:
        observer.waited(Wait(kind, deadline.clock.now() - begun, looks, error))
    return found, looks
