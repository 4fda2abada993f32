# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a call may take, by what its caller gives it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ansible_collections.mooring.storage.csi_server.rpc import deadlines
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import SYSTEM_CLOCK


@dataclass
class Context:
    """A call's context, as far as its deadline goes."""

    left: float | None

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
