# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered is forgotten in time, however often it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import SYSTEM_CLOCK

from ..conftest import Driver
from .test_controller import create, publish


def test_asking_again_does_not_keep_an_answer(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(SYSTEM_CLOCK, "now", lambda: now[0])
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    asked: list[Any] = []
    for dummy in range(4):
        begun = len(driver.cloud.calls)
        publish(driver, volume, server)
        asked.append(len(driver.cloud.calls) - begun)
        now[0] += 3.0
    assert [bool(calls) for calls in asked] == [True, False, True, False]
