# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered is forgotten in time, however often it is asked for."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import SYSTEM_CLOCK

from ..conftest import Driver
from ..fake_cloud import Failure
from .test_controller import create, publish, refused, unpublish


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which passes when the test says so."""
    now = [1000.0]
    monkeypatch.setattr(SYSTEM_CLOCK, "now", lambda: now[0])
    return now


def lose_an_attach(driver: Driver) -> tuple[str, str]:
    """Return the volume and the server whose attach was asked for and not answered."""
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    driver.cloud.failures.append(Failure("POST /servers/.*", 504))
    refused(lambda: publish(driver, volume, server), grpc.StatusCode.UNAVAILABLE)
    return volume, server


def test_asking_again_does_not_keep_an_answer(driver: Driver, now: list[float]) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    asked: list[Any] = []
    for dummy in range(4):
        begun = len(driver.cloud.calls)
        publish(driver, volume, server)
        asked.append(len(driver.cloud.calls) - begun)
        now[0] += 3.0
    assert [bool(calls) for calls in asked] == [True, False, True, False]


def test_an_attach_that_may_still_come_is_not_detached_yet(driver: Driver, now: list[float]) -> None:
    volume, server = lose_an_attach(driver)
    said = (f"to server {server} was lost", "may still be carried out")
    for dummy in range(2):
        refused(lambda: unpublish(driver, volume, server), grpc.StatusCode.ABORTED, *said)
        now[0] += 60.0
    unpublish(driver, volume, server)


def test_an_attach_that_came_after_all_is_detached_at_once(driver: Driver, now: list[float]) -> None:
    volume, server = lose_an_attach(driver)
    driver.cloud.nova.request(
        f"/servers/{server}/os-volume_attachments", "POST", json={"volumeAttachment": {"volumeId": volume}}
    )
    driver.cloud.step(driver.cloud.volumes[volume])
    driver.cloud.step(driver.cloud.volumes[volume])
    unpublish(driver, volume, server)
    assert driver.cloud.volumes[volume]["status"] == "available"
    now[0] += 10.0
    unpublish(driver, volume, server)


@pytest.mark.parametrize("gone", ["volume", "server"])
def test_an_attach_that_cannot_come_is_not_waited_for(driver: Driver, now: list[float], gone: str) -> None:
    volume, server = lose_an_attach(driver)
    if gone == "volume":
        driver.cloud.volumes.pop(volume)
    else:
        driver.cloud.servers.pop(server)
    unpublish(driver, volume, server)
