# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests one cloud gets at the same time, and whose turn is next."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from .errors import Timeout
from .waiting import Deadline


class Admission(Protocol):
    """Lets requests to a cloud through."""

    def admit(self, kind: str, action: str, deadline: Deadline) -> AbstractContextManager[None]:
        """Enter when it is this request's turn; leaving makes room for the next one.

        :param kind: requests of one kind wait in one line; the lines take turns.
        :param action: what the request does, in the infinitive, for the error's message.
        :raises Timeout: the deadline passed first.
        """


class OpenDoor:
    """Lets everything through at once: for who sends one request at a time."""

    def admit(self, kind: str, action: str, deadline: Deadline) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


OPEN_DOOR = OpenDoor()


class Gate:
    """Lets at most ``limit`` requests through at the same time.

    Whoever finds it full waits in the line of its kind. The lines are served in turn, one request
    each, so that five hundred creates do not keep one detach waiting.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._in_flight = 0
        # The line whose turn is next comes first. None is empty, and none waits while there is room.
        self._lines: dict[str, deque[threading.Event]] = {}

    def in_flight(self) -> int:
        """How many requests are being carried out now."""
        return self._in_flight

    def waiting(self) -> int:
        """How many requests wait for their turn now."""
        with self._lock:
            return sum(len(line) for line in self._lines.values())

    @contextlib.contextmanager
    def admit(self, kind: str, action: str, deadline: Deadline) -> Iterator[None]:
        """See :meth:`Admission.admit`."""
        self._enter(kind, action, deadline)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, kind: str, action: str, deadline: Deadline) -> None:
        with self._lock:
            if self._in_flight < self._limit:
                self._in_flight += 1
                return
            turn = threading.Event()
            self._lines.setdefault(kind, deque()).append(turn)
        if turn.wait(deadline.left()):
            return
        with self._lock:
            # The turn may have come while this thread woke up; then the place is taken already.
            if turn.is_set():
                return
            self._lines[kind].remove(turn)
            if not self._lines[kind]:
                del self._lines[kind]
        raise Timeout(
            f"cannot {action}: the time allowed for it passed in the queue for the cloud, which gets"
            f" {self._limit} requests at a time"
        )

    def _leave(self) -> None:
        with self._lock:
            if not self._lines:
                self._in_flight -= 1
                return
            kind = next(iter(self._lines))
            line = self._lines.pop(kind)
            line.popleft().set()
            if line:
                self._lines[kind] = line
