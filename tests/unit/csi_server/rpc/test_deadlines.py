# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a call may take, by what its caller gives it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ansible_collections.mooring.storage.csi_server.rpc import deadlines
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import SYSTEM_CLOCK


@dataclass
class Context:
    """A call's context, as far as its deadline goes."""

    left: float | None
    over: bool = False
    callbacks: list[Callable[[], None]] = field(default_factory=list)

    def add_callback(self, callback: Callable[[], None]) -> bool:
        self.callbacks.append(callback)
        return not self.over

    def time_remaining(self) -> float | None:
        return self.left


@pytest.mark.parametrize(
    ("left", "given"),
    [
        (15.0, 15.0 - deadlines.MARGIN),
        (0.1, 0.0),
        (None, deadlines.DEFAULT_SECONDS),
        (9.2e9, deadlines.DEFAULT_SECONDS),
    ],
    ids=["the caller's, less the answer's way", "over before it began", "none", "the end of time"],
)
def test_a_call_ends_before_its_caller_gives_it_up(
    left: float | None, given: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SYSTEM_CLOCK, "now", lambda: 0.0)
    assert deadlines.deadline_of(Context(left)).left() == given  # type: ignore[arg-type]


def test_nobody_waits_once_the_caller_has_gone() -> None:
    context = Context(60.0)
    deadline = deadlines.deadline_of(context)  # type: ignore[arg-type]
    assert not deadline.passed()
    asleep = threading.Thread(target=deadline.sleep, args=[50.0])
    asleep.start()
    for callback in context.callbacks:
        callback()
    asleep.join(10)
    assert (asleep.is_alive(), deadline.passed(), deadline.left(), deadline.within(5).left()) == (
        False,
        True,
        0.0,
        0.0,
    )


def test_a_caller_that_went_before_is_not_waited_for() -> None:
    deadline = deadlines.deadline_of(Context(60.0, over=True))  # type: ignore[arg-type]
    assert (deadline.passed(), deadline.left()) == (True, 0.0)
