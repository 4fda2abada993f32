# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes listed and looked at: only the cluster's, in pages, with where they are and how."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from ..conftest import MINE, Driver
from .test_controller import GIB, create, publish, refused, unpublish

GONE = "00000000-0000-4000-8000-000000000000"


def listed(driver: Driver, max_entries: int = 0, token: str = "") -> Any:
    request = csi.ListVolumesRequest(max_entries=max_entries, starting_token=token)
    return driver.controller.ListVolumes(request, timeout=10)


def ids(response: Any) -> list[str]:
    return [entry.volume.volume_id for entry in response.entries]


def get(driver: Driver, volume_id: str) -> Any:
    request = csi.ControllerGetVolumeRequest(volume_id=volume_id)
    return driver.controller.ControllerGetVolume(request, timeout=10)


def health(driver: Driver, volume_id: str) -> Any:
    request = csi.ControllerGetVolumeHealthRequest(volume_id=volume_id)
    return driver.controller.ControllerGetVolumeHealth(request, timeout=10).volume_health


def test_only_the_volumes_of_this_cluster_are_listed(driver: Driver) -> None:
    driver.cloud.add_volume()
    driver.cloud.add_volume(metadata={names.CLUSTER: "another"})
    server, mine = driver.cloud.add_server(), create(driver, size=2 * GIB).volume_id
    publish(driver, mine, server)
    response = listed(driver)
    [entry] = response.entries
    assert response.next_token == ""
    assert (entry.volume.volume_id, entry.volume.capacity_bytes) == (mine, 2 * GIB)
    assert [dict(each.segments) for each in entry.volume.accessible_topology] == [
        {names.TOPOLOGY_ZONE: "az1"}
    ]
    assert list(entry.status.published_node_ids) == [server]
    assert entry.status.HasField("volume_condition")
    assert not entry.status.volume_condition.abnormal


def test_a_published_volume_of_somebody_else_is_listed(driver: Driver) -> None:
    server, mine = driver.cloud.add_server(), create(driver).volume_id
    theirs = driver.cloud.add_volume(metadata={names.CLUSTER: "another"})["id"]
    driver.cloud.add_volume()
    publish(driver, theirs, server)
    first, second = listed(driver, 1), listed(driver, 1, min(mine, theirs))
    assert [*ids(first), *ids(second)] == sorted([mine, theirs])
    nodes = {each.volume.volume_id: list(each.status.published_node_ids) for each in listed(driver).entries}
    assert nodes == {mine: [], theirs: [server]}
    unpublish(driver, theirs, server)
    assert ids(listed(driver)) == [mine]


def test_a_published_volume_of_somebody_else_that_is_gone(driver: Driver) -> None:
    server, theirs = driver.cloud.add_server(), driver.cloud.add_volume()["id"]
    publish(driver, theirs, server)
    del driver.cloud.volumes[theirs]
    assert ids(listed(driver)) == ids(listed(driver)) == []
    assert driver.cloud.calls[-1] == "GET /volumes/detail"


def test_a_cloud_that_is_down_hides_no_volume_of_another(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.clouds.down = "west"
    assert get(driver, volume).volume.volume_id == health(driver, volume).volume_id == volume
    refused(lambda: get(driver, GONE), grpc.StatusCode.UNAVAILABLE, "west")
    refused(lambda: listed(driver), grpc.StatusCode.UNAVAILABLE, "west")


def test_pages_hold_while_volumes_come_and_go(driver: Driver) -> None:
    made = sorted(driver.cloud.add_volume(metadata=MINE)["id"] for dummy in range(7))
    first = listed(driver, 3)
    assert ids(first) == made[:3]
    del driver.cloud.volumes[made[2]]
    del driver.cloud.volumes[made[4]]
    second = listed(driver, 3, first.next_token)
    assert ids(second) == [made[3], made[5], made[6]]
    assert second.next_token == ""


def test_a_token_of_nobody(driver: Driver) -> None:
    refused(lambda: listed(driver, 1, "first"), grpc.StatusCode.ABORTED, "'first'")
    refused(lambda: listed(driver, -1), grpc.StatusCode.INVALID_ARGUMENT, "-1")


def test_one_volume(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, server)
    found = get(driver, volume)
    assert (found.volume.volume_id, list(found.status.published_node_ids)) == (volume, [server])
    refused(lambda: get(driver, GONE), grpc.StatusCode.NOT_FOUND, GONE)
    refused(lambda: get(driver, ""), grpc.StatusCode.INVALID_ARGUMENT, "volume_id")


@pytest.mark.parametrize(
    ("status", "means"),
    [("error", csi.INACCESSIBLE), ("error_extending", csi.DEGRADED), ("error_restoring", csi.DATA_LOSS),
     ("error_of_tomorrow", csi.INACCESSIBLE), ("in-use", csi.INACCESSIBLE)],
)  # fmt: skip
def test_what_cinder_says_is_wrong(driver: Driver, status: str, means: int) -> None:
    volume = driver.cloud.add_volume(metadata=MINE, status=status)["id"]
    driver.cloud.add_volume(metadata=MINE)
    [problem] = health(driver, volume).health_statuses
    assert problem.status == means
    assert problem.reason.isalpha()
    assert problem.message
    assert get(driver, volume).status.volume_condition.abnormal
    request = csi.ControllerListVolumeHealthRequest(max_entries=1)
    answer = driver.controller.ControllerListVolumeHealth(request, timeout=10)
    [entry] = answer.entries
    assert answer.next_token == ""
    assert (entry.volume_id, entry.health_statuses[0].status) == (volume, means)


def test_a_sound_volume_has_no_problem(driver: Driver) -> None:
    volume = create(driver).volume_id
    assert health(driver, volume) == csi.VolumeHealth(volume_id=volume)
    request = csi.ControllerListVolumeHealthRequest()
    assert not driver.controller.ControllerListVolumeHealth(request, timeout=10).entries
    refused(lambda: health(driver, GONE), grpc.StatusCode.NOT_FOUND, GONE)
