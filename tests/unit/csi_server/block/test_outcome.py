# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed creation may say."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.csi_server.block.outcome import STILL_COMING, Askings, removing
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    Busy,
    Failed,
    InUse,
    QuotaExceeded,
    Unanswered,
    Unavailable,
)
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._cloud.test_waiting import FakeClock


def test_what_cannot_be_removed_leaves_the_failure_open() -> None:
    said = "it failed; volume 1 is not removed yet: it is attached"
    with pytest.raises(Unavailable, match=said), removing("volume 1", Failed("it failed")):
        raise InUse("it is attached")


def test_a_lost_request_may_be_made_again_when_it_cannot_come_any_more() -> None:
    clock = FakeClock()
    askings = Askings(clock)
    with pytest.raises(Unanswered), askings.asking("pvc-1"):
        raise Unanswered("reset")
    with askings.asking("pvc-2"):
        pass
    with pytest.raises(Busy), askings.asking("pvc-1"):
        pytest.fail("asked for again")
    clock.sleep(STILL_COMING)
    with askings.asking("pvc-1"):
        pass


def test_a_request_that_was_refused_may_be_made_again() -> None:
    askings = Askings()
    with pytest.raises(QuotaExceeded), askings.asking("pvc-1"):
        raise QuotaExceeded("too large")
    with askings.asking("pvc-1"):
        pass
