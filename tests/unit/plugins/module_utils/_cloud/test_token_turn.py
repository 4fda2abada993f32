# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    CloudError,
    CredentialRefused,
    Unanswered,
    Unavailable,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.token_turn import SHARED, TokenTurn
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline

from .test_waiting import FakeClock

LONGEST = 30.0


class Keystone:
    """Fails as it is told, and counts how often it was asked."""

    def __init__(self, *failures: CloudError) -> None:
        self.failures = list(failures)
        self.asked = 0
        self.clock = FakeClock()
        self.turn = TokenTurn(self.clock)

    def fetch(self) -> None:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)

    def take(self, seconds: float = 60.0) -> str:
        """Ask, and return the kind of the failure, an empty string for a token."""
        try:
            self.turn.take(lambda: True, self.fetch, Deadline.after(seconds, self.clock), LONGEST)
        except CloudError as failure:
            return type(failure).__name__
        return ""


@pytest.mark.parametrize("failure", [CredentialRefused("no"), Unavailable("HTTP 500"), Unanswered("slow")])
def test_a_failure_is_that_of_others_for_a_moment(failure: CloudError) -> None:
    keystone = Keystone(failure)
    kinds = {keystone.take() for dummy in range(10)}
    # Nothing was sent but the request for the token, so nothing may have been carried out.
    assert kinds == {"Unavailable" if isinstance(failure, Unanswered) else type(failure).__name__}
    assert keystone.asked == 1
    keystone.clock.sleep(SHARED)
    assert [keystone.take(), keystone.take()] == ["", ""]


def test_the_failure_of_one_in_a_hurry_is_its_own() -> None:
    keystone = Keystone(Unanswered("slow"))
    assert keystone.take(seconds=LONGEST / 2) == "Unavailable"
    assert keystone.take() == ""


def test_a_token_that_came_meanwhile_is_not_asked_for() -> None:
    keystone = Keystone()
    keystone.turn.take(lambda: False, keystone.fetch, Deadline.after(0, keystone.clock), LONGEST)
    answers = iter([True, False])
    keystone.turn.take(lambda: next(answers), keystone.fetch, Deadline.after(0, keystone.clock), LONGEST)
    assert keystone.asked == 0
