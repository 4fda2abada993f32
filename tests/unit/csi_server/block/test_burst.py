# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fifty volumes at once share their look-ups and their looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from ..conftest import Driver
from .test_controller import create, publish, refused, unpublish

BURST = 50


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(BURST) as pool:
        yield pool


def delete(driver: Driver, volume: str) -> None:
    driver.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume), timeout=30)


def each(pool: ThreadPoolExecutor, act: Callable[[str], object], volumes: list[str]) -> None:
    list(pool.map(act, volumes))


def test_a_burst_takes_at_most_six_requests_a_volume(driver: Driver, pool: ThreadPoolExecutor) -> None:
    # Each look finds five further volumes ready, as in a cloud that works on some at a time.
    driver.cloud.steps, driver.cloud.most_at_once, driver.cloud.max_devices = 0, 5, BURST
    server = driver.cloud.add_server()
    volumes = [made.volume_id for made in pool.map(lambda n: create(driver, f"pvc-{n}"), range(BURST))]
    each(pool, lambda volume: publish(driver, volume, server), volumes)
    each(pool, lambda volume: unpublish(driver, volume, server), volumes)
    each(pool, lambda volume: delete(driver, volume), volumes)
    assert driver.cloud.volumes == {}
    assert len(driver.cloud.calls) <= 6 * BURST, sorted(driver.cloud.calls)


def test_in_a_burst_a_namesake_of_others_is_seen_as_well(driver: Driver, pool: ThreadPoolExecutor) -> None:
    theirs = driver.cloud.add_volume(name="pvc-7", metadata={"cinder.csi.openstack.org/cluster": "other"})

    def make(number: int) -> None:
        if number == 7:
            refused(lambda: create(driver, "pvc-7"), grpc.StatusCode.ALREADY_EXISTS, theirs["id"])
        else:
            create(driver, f"pvc-{number}")

    list(pool.map(make, range(BURST)))
    assert driver.cloud.calls.count("GET /volumes") > 0
    assert len(driver.cloud.volumes) == BURST
