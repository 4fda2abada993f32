# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits end at their deadline, not before and not after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    CredentialRefused,
    Failed,
    Timeout,
    Unanswered,
    Unavailable,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import (
    Deadline,
    LearnedPace,
    Pace,
    wait_for,
)


class FakeClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def test_the_gap_grows_up_to_its_limit() -> None:
    clock = FakeClock()
    looks = iter([None, None, None, None, "there"])
    pace = Pace(first=4, second=1, growth=2, longest=3)
    assert wait_for(lambda: next(looks), "it", Deadline.after(60, clock), pace) == "there"
    assert clock.slept == [4, 1, 2, 3, 3]


def test_the_last_look_is_at_the_deadline() -> None:
    clock = FakeClock()
    looks: list[float] = []
    deadline = Deadline.after(2.5, clock)
    with pytest.raises(Timeout, match="the moon"):
        wait_for(lambda: looks.append(clock.now()), "the moon", deadline, Pace(first=1, second=1, growth=1))
    assert looks == [1001.0, 1002.0, 1002.5]


def test_a_state_of_failure_ends_the_wait() -> None:
    def poll() -> None:
        raise Failed("its status is error")

    with pytest.raises(Failed):
        wait_for(poll, "it", Deadline.after(60, FakeClock()))


def looking(*answers: object) -> Callable[[], object]:
    """A poll that finds these one after the other, or fails so; and then nothing, for ever."""
    left = iter(answers)

    def poll() -> object:
        answer = next(left, None)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return poll


LOST = Unanswered("cannot read it: no answer")
BROKEN = Unavailable("cannot read it: HTTP 500")


def test_a_look_may_fail_twice_in_a_row() -> None:
    poll = looking(LOST, BROKEN, None, BROKEN, LOST, "there")
    assert wait_for(poll, "it", Deadline.after(60, FakeClock())) == "there"


def test_a_service_that_does_not_answer_ends_the_wait() -> None:
    with pytest.raises(Unavailable, match="HTTP 500"):
        wait_for(looking(LOST, LOST, BROKEN, "there"), "it", Deadline.after(60, FakeClock()))


def test_a_refused_credential_is_not_repeated() -> None:
    with pytest.raises(CredentialRefused):
        wait_for(looking(CredentialRefused("no"), "there"), "it", Deadline.after(60, FakeClock()))


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((), "the time allowed for it has passed"),
        ((LOST, None), "the time allowed for it has passed"),
        ((None, LOST, BROKEN), "the time allowed for it has passed; the last answer: .* HTTP 500"),
        ((LOST, Timeout("it is too late")), "it is too late; the last answer: .* no answer"),
    ],
)
def test_a_wait_that_ends_with_its_deadline_says_what_was_the_matter(
    answers: tuple[object, ...], said: str
) -> None:
    pace = Pace(first=1, second=1, growth=1)
    with pytest.raises(Timeout, match=f"^gave up waiting for it: {said}$"):
        wait_for(looking(*answers), "it", Deadline.after(3, FakeClock()), pace)


def wait_of(pace: LearnedPace, seconds: float) -> tuple[int, float]:
    """Wait for something that is ready after that time. Return the looks that takes, and the time beyond."""
    clock = FakeClock()
    looks = 0

    def poll() -> bool | None:
        nonlocal looks
        looks += 1
        return True if clock.now() >= 1000.0 + seconds else None

    wait_for(poll, "it", Deadline.after(600, clock), pace.pace())
    pace.learn(looks, clock.now() - 1000.0)
    return looks, clock.now() - 1000.0 - seconds


@pytest.mark.parametrize("seconds", [0.25, 0.4, 1.2])
def test_the_first_look_comes_when_others_were_ready(seconds: float) -> None:
    pace = LearnedPace("it", first=0.35)
    for dummy in range(100):
        wait_of(pace, seconds)
    looks = [wait_of(pace, seconds)[0] for dummy in range(100)]
    assert sum(looks) < 125
    assert seconds * 0.9 < pace.pace().first < seconds * 1.35


@pytest.mark.parametrize("slow", [2.0, 8.0, 60.0])
def test_a_slow_one_now_and_then_makes_no_quick_one_wait(slow: float) -> None:
    pace = LearnedPace("it", first=0.35)
    beyond = []
    for dummy in range(100):
        beyond += [wait_of(pace, 0.4)[1] for dummy in range(8)]
        wait_of(pace, slow)
    assert max(beyond) < 0.4


def test_when_all_are_slow_few_looks_are_wasted_and_a_quick_one_waits_little() -> None:
    pace = LearnedPace("it", first=0.35)
    for dummy in range(20):
        wait_of(pace, 20.0)
    assert pace.pace().first == 1.5
