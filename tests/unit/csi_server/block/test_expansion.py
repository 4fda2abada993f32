# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ControllerExpandVolume, from a gRPC client down to the requests that reach the cloud."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from ..conftest import Driver
from .test_controller import GIB, capability, refused

Code = grpc.StatusCode
SERVER = "server-1"
ATTACHED = {
    "status": "in-use",
    "attachments": [{"server_id": SERVER, "attachment_id": "a", "device": "/dev/vdb"}],
}


def expand(
    driver: Driver, volume: dict[str, Any], required: int, limit: int = 0, **fields: Any
) -> csi.ControllerExpandVolumeResponse:
    return driver.controller.ControllerExpandVolume(
        csi.ControllerExpandVolumeRequest(
            volume_id=volume["id"],
            capacity_range=csi.CapacityRange(required_bytes=required, limit_bytes=limit),
            **fields,
        ),
        timeout=10,
    )


def test_a_volume_grows_to_whole_gib_in_two_requests(driver: Driver) -> None:
    driver.cloud.steps = 0
    volume = driver.cloud.add_volume()
    answer = expand(driver, volume, GIB + 1)
    assert (volume["size"], answer.capacity_bytes) == (2, 2 * GIB)
    assert len(driver.cloud.calls) == 2, driver.cloud.calls


def test_a_volume_in_use_grows_and_stays_attached(driver: Driver) -> None:
    driver.cloud.steps = 3
    volume = driver.cloud.add_volume(**ATTACHED)
    assert expand(driver, volume, 3 * GIB).capacity_bytes == 3 * GIB
    assert (volume["status"], volume["size"]) == ("in-use", 3)


@pytest.mark.parametrize(
    ("has", "block", "node"),
    [({}, False, True), (ATTACHED, False, True), (ATTACHED, True, True), ({}, True, False)],
)
def test_the_node_is_needed_for_filesystems_and_for_what_it_holds(
    driver: Driver, has: dict[str, Any], block: bool, node: bool
) -> None:
    answer = expand(
        driver, driver.cloud.add_volume(**has), 2 * GIB, volume_capability=capability(block=block)
    )
    assert answer.node_expansion_required is node


def test_a_volume_that_is_large_enough_is_left_as_it_is(driver: Driver) -> None:
    volume = driver.cloud.add_volume(size=4)
    assert expand(driver, volume, 2 * GIB).capacity_bytes == 4 * GIB
    assert volume["size"] == 4


def test_a_call_that_comes_again_waits_for_the_first_ones_work(driver: Driver) -> None:
    volume = driver.cloud.add_volume(status="extending")
    driver.cloud.later(volume, lambda v: v.update(status="available", size=2))
    assert expand(driver, volume, 2 * GIB).capacity_bytes == 2 * GIB


def test_what_an_earlier_call_did_not_ask_for_is_asked_for_after_it(driver: Driver) -> None:
    volume = driver.cloud.add_volume(status="extending")
    driver.cloud.later(volume, lambda v: v.update(status="available", size=2))
    assert expand(driver, volume, 5 * GIB).capacity_bytes == 5 * GIB


def test_a_deadline_that_passes_says_so(driver: Driver) -> None:
    volume = driver.cloud.add_volume()
    driver.cloud.steps = 10**6
    request = csi.ControllerExpandVolumeRequest(
        volume_id=volume["id"], capacity_range=csi.CapacityRange(required_bytes=2 * GIB)
    )
    refused(lambda: driver.controller.ControllerExpandVolume(request, timeout=0.5), Code.DEADLINE_EXCEEDED)


@pytest.mark.parametrize(
    ("required", "limit", "code", "word"),
    [
        (-1, 0, Code.OUT_OF_RANGE, "negative"),
        (2 * GIB - 1, 2 * GIB - 1, Code.OUT_OF_RANGE, "over the limit"),
        (GIB, 3 * GIB, Code.OUT_OF_RANGE, "4 GiB already"),
        (600 * GIB, 0, Code.INVALID_ARGUMENT, "exceeds that of the volume type"),
    ],
)
def test_a_size_that_cannot_be_is_refused(
    driver: Driver, required: int, limit: int, code: grpc.StatusCode, word: str
) -> None:
    volume = driver.cloud.add_volume(size=4)
    refused(lambda: expand(driver, volume, required, limit), code, word)
    assert (volume["size"], volume["status"]) == (4, "available")


def test_the_quota_is_told_in_cinders_words(driver: Driver) -> None:
    driver.cloud.max_gigabytes = 10
    volume = driver.cloud.add_volume()
    refused(lambda: expand(driver, volume, 100 * GIB), Code.RESOURCE_EXHAUSTED, "exceeds allowed gigabytes")


def test_a_back_end_without_room_is_told_in_cinders_words(driver: Driver) -> None:
    driver.cloud.changes.room = False
    volume = driver.cloud.add_volume()
    refused(
        lambda: expand(driver, volume, 2 * GIB), Code.RESOURCE_EXHAUSTED, "any available weighted backend"
    )


def test_a_back_end_that_cannot_extend_in_use_is_a_failed_precondition(driver: Driver) -> None:
    driver.cloud.changes.room = False
    volume = driver.cloud.add_volume(**ATTACHED)
    refused(
        lambda: expand(driver, volume, 2 * GIB),
        Code.FAILED_PRECONDITION,
        "while it is attached",
        "any available weighted backend",
    )


def test_a_back_end_that_fails_is_told_in_cinders_words_the_next_time_as_well(driver: Driver) -> None:
    driver.cloud.changes.breaks = True
    volume = driver.cloud.add_volume()
    for _attempt in range(2):
        refused(
            lambda: expand(driver, volume, 2 * GIB),
            Code.INTERNAL,
            "error_extending",
            "Volume Driver failed to extend volume",
        )


def test_a_volume_that_is_being_detached_is_to_be_asked_for_again(driver: Driver) -> None:
    volume = driver.cloud.add_volume(status="detaching")
    refused(lambda: expand(driver, volume, 2 * GIB), Code.ABORTED, "detaching")


def test_what_is_missing_is_named(driver: Driver) -> None:
    refused(lambda: expand(driver, {"id": ""}, GIB), Code.INVALID_ARGUMENT, "volume_id is missing")
    request = csi.ControllerExpandVolumeRequest(volume_id="v")
    refused(
        lambda: driver.controller.ControllerExpandVolume(request),
        Code.INVALID_ARGUMENT,
        "capacity_range is missing",
    )
    refused(lambda: expand(driver, {"id": "no-such"}, GIB), Code.NOT_FOUND, "no-such")
