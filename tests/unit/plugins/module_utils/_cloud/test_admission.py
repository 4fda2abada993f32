# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a cloud: never too many at once, and none behind all of another kind."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.admission import Gate
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Timeout
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline, Pace, wait_for

from .test_api import Scripted

LONG = 30.0


class Crowd:
    """Requests that come one after the other while the gate is full, and what became of them."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.served: list[str] = []
        self.threads: list[threading.Thread] = []

    def comes(self, name: str) -> None:
        """Return when a request is in the queue; its kind is the first word of its name."""
        before = self.gate.waiting()

        def send() -> None:
            with self.gate.admit(name.split()[0], name, Deadline.after(LONG)):
                self.served.append(name)

        self.threads.append(threading.Thread(target=send))
        self.threads[-1].start()
        wait_for(
            lambda: self.gate.waiting() > before or None,
            "the request to be in the queue",
            Deadline.after(LONG),
            Pace(first=0.0, second=0.001, growth=1.0),
        )

    def ends(self) -> list[str]:
        """Return the names of all requests in the order in which they were served."""
        for thread in self.threads:
            thread.join(LONG)
        return self.served


def test_the_lines_take_turns() -> None:
    gate = Gate(1)
    crowd = Crowd(gate)
    with gate.admit("first", "be first", Deadline.after(LONG)):
        for name in [*(f"create {n}" for n in range(6)), "detach 0", "delete 0", "detach 1"]:
            crowd.comes(name)
    assert crowd.ends() == [
        *("create 0", "detach 0", "delete 0"),
        *("create 1", "detach 1"),
        *("create 2", "create 3", "create 4", "create 5"),
    ]


def test_never_more_than_the_limit() -> None:
    gate, most = Gate(3), 0
    guard = threading.Lock()

    def send(number: int) -> None:
        nonlocal most
        for dummy in range(20):
            with gate.admit(f"kind {number % 4}", "work", Deadline.after(LONG)), guard:
                most = max(most, gate.in_flight())

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert 1 <= most <= 3
    assert (gate.in_flight(), gate.waiting()) == (0, 0)


def test_who_waits_too_long_leaves_the_line() -> None:
    gate = Gate(1)
    with gate.admit("create", "create volume a", Deadline.after(LONG)):
        with (
            pytest.raises(Timeout, match=r"cannot detach volume b: .* queue .* 1 requests"),
            gate.admit("detach", "detach volume b", Deadline.after(0.01)),
        ):
            pytest.fail("it was let in beside another")
        assert gate.waiting() == 0
    with gate.admit("detach", "detach volume b", Deadline.after(LONG)):
        assert gate.in_flight() == 1
    assert gate.in_flight() == 0


def test_a_failure_gives_the_place_back() -> None:
    gate = Gate(1)
    for dummy in range(3):
        with pytest.raises(ZeroDivisionError), gate.admit("create", "create", Deadline.after(LONG)):
            raise ZeroDivisionError
    assert gate.in_flight() == 0


def test_a_pause_before_the_next_try_takes_no_place() -> None:
    gate = Gate(1)
    in_flight: list[int] = []

    class Watching(Deadline):
        def sleep(self, seconds: float) -> None:
            in_flight.append(gate.in_flight())

    service = Scripted((503, {"Retry-After": "7"}), (200, {}))
    api = Api(lambda: service, "3.50", admission=gate)
    api.request("volume_get", "GET", "/volumes/1", "read volume 1", Watching.after(LONG))
    assert in_flight == [0]
