# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes made of snapshots, backups and other volumes."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from ..conftest import MINE, Driver
from ..fake_cloud import Failure
from .test_controller import GIB, capability, create, publish, refused
from .test_snapshots import take, take_backup

ZONE = "topology.cinder.csi.openstack.org/zone"


def of_snapshot(snapshot: str) -> csi.VolumeContentSource:
    return csi.VolumeContentSource(snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=snapshot))


def of_volume(volume: str) -> csi.VolumeContentSource:
    return csi.VolumeContentSource(volume=csi.VolumeContentSource.VolumeSource(volume_id=volume))


def source(driver: Driver, kind: str, size: int = GIB) -> csi.VolumeContentSource:
    """A source of that kind, of a volume that is attached."""
    volume = create(driver, "source", size).volume_id
    publish(driver, volume, driver.cloud.add_server())
    if kind == "volume":
        return of_volume(volume)
    return of_snapshot((take_backup if kind == "backup" else take)(driver, volume).snapshot_id)


def topology(*zones: str) -> csi.TopologyRequirement:
    segments = [csi.Topology(segments={ZONE: zone}) for zone in zones]
    return csi.TopologyRequirement(requisite=segments, preferred=segments)


@pytest.mark.parametrize(
    ("kind", "shown"), [("snapshot", "snapshot_id"), ("volume", "source_volid"), ("backup", None)]
)
def test_a_volume_is_made_of_its_source(driver: Driver, kind: str, shown: str | None) -> None:
    content = source(driver, kind, 2 * GIB)
    made = create(driver, size=3 * GIB, volume_content_source=content)
    assert made.content_source == content
    assert dict(made.volume_context) == {"cinder.csi.openstack.org/resizeRequired": "true"}
    assert made.capacity_bytes == 3 * GIB
    volume = driver.cloud.volumes[made.volume_id]
    wanted = content.volume.volume_id or content.snapshot.snapshot_id
    if shown:
        assert (volume[shown], volume["metadata"]) == (wanted, MINE)
    else:
        assert volume["metadata"] == {**MINE, "cinder.csi.openstack.org/from-backup": wanted}
    again = create(driver, size=3 * GIB, volume_content_source=content)
    assert again.volume_id == made.volume_id


@pytest.mark.parametrize("kind", ["snapshot", "volume", "backup"])
def test_a_namesake_of_other_content_is_a_conflict(driver: Driver, kind: str) -> None:
    content = source(driver, kind)
    create(driver)
    refused(
        lambda: create(driver, volume_content_source=content),
        grpc.StatusCode.ALREADY_EXISTS,
        "content of nothing",
        kind,
    )
    create(driver, "pvc-2", volume_content_source=content)
    refused(lambda: create(driver, "pvc-2"), grpc.StatusCode.ALREADY_EXISTS, f"content of {kind}")


@pytest.mark.parametrize("kind", ["snapshot", "volume", "backup"])
def test_a_volume_is_as_large_as_its_source(driver: Driver, kind: str) -> None:
    content = source(driver, kind, 2 * GIB)
    refused(
        lambda: create(driver, size=GIB, volume_content_source=content),
        grpc.StatusCode.OUT_OF_RANGE,
        "too small",
        "2 GiB",
    )
    refused(
        lambda: create_limited(driver, limit_bytes=GIB, volume_content_source=content),
        grpc.StatusCode.OUT_OF_RANGE,
        "2 GiB",
    )
    assert create(driver, size=0, volume_content_source=content).capacity_bytes == 2 * GIB


def create_limited(driver: Driver, limit_bytes: int, **fields: Any) -> csi.Volume:
    request = csi.CreateVolumeRequest(
        name="pvc-1",
        capacity_range=csi.CapacityRange(limit_bytes=limit_bytes),
        volume_capabilities=[capability()],
        **fields,
    )
    return driver.controller.CreateVolume(request, timeout=10).volume


def test_sources_that_do_not_exist(driver: Driver) -> None:
    for content in (of_snapshot("gone"), of_volume("gone")):
        refused(
            lambda content=content: create(driver, volume_content_source=content),
            grpc.StatusCode.NOT_FOUND,
            "gone",
        )
    nothing = csi.VolumeContentSource()
    refused(
        lambda: create(driver, volume_content_source=nothing),
        grpc.StatusCode.INVALID_ARGUMENT,
        "volume_content_source",
    )


def test_a_backup_that_is_not_ready(driver: Driver) -> None:
    volume = create(driver, "source").volume_id
    driver.cloud.steps = 10
    backup = take(driver, volume, type="backup").snapshot_id
    refused(
        lambda: create(driver, volume_content_source=of_snapshot(backup)),
        grpc.StatusCode.ABORTED,
        "its status is creating",
    )


def test_a_source_that_is_busy_is_asked_for_again(driver: Driver) -> None:
    content = source(driver, "volume")
    busy = driver.cloud.volumes[content.volume.volume_id]
    busy["status"] = "attaching"
    refused(
        lambda: create(driver, volume_content_source=content),
        grpc.StatusCode.ABORTED,
        busy["id"],
        "cannot be copied now",
    )
    busy["status"] = "in-use"
    assert create(driver, volume_content_source=content).volume_id


@pytest.mark.parametrize("kind", ["snapshot", "volume"])
def test_a_volume_is_where_its_source_is_if_it_may(driver: Driver, kind: str) -> None:
    content = source(driver, kind)
    made = create(driver, volume_content_source=content, accessibility_requirements=topology("az2", "az1"))
    assert [dict(each.segments) for each in made.accessible_topology] == [{ZONE: "az1"}]
    made = create(driver, "pvc-2", volume_content_source=content, accessibility_requirements=topology("az2"))
    assert [dict(each.segments) for each in made.accessible_topology] == [{ZONE: "az2"}]


def test_a_zone_that_a_source_cannot_leave_for_has_the_scheduler_try_another(driver: Driver) -> None:
    driver.cloud.clones_stay_in_zone = True
    content = source(driver, "snapshot")
    refused(
        lambda: create(driver, volume_content_source=content, accessibility_requirements=topology("az2")),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "is in zone az1, and Cinder makes no volume of it in az2",
    )
    refused(
        lambda: create(driver, volume_content_source=content, parameters={"availability": "az2"}),
        grpc.StatusCode.INVALID_ARGUMENT,
        "same availability zone",
    )


def test_a_retry_may_prefer_another_zone(driver: Driver) -> None:
    first = create(driver, accessibility_requirements=topology("az1", "az2"))
    again = create(driver, accessibility_requirements=topology("az2", "az1"))
    assert again.volume_id == first.volume_id
    assert {ZONE: "az1"} in [dict(each.segments) for each in again.accessible_topology]
    refused(
        lambda: create(driver, accessibility_requirements=topology("az2")),
        grpc.StatusCode.ALREADY_EXISTS,
        "availability zone az1; asked for is az2",
    )


CLAIM = "csi.storage.k8s.io/pvc/name"


def backup_of_another(driver: Driver) -> csi.VolumeContentSource:
    """A backup of a volume with other marks: Cinder restores them with the data."""
    volume = create(driver, "source", parameters={CLAIM: "old"}, mutable_parameters={"metadata.team": "blue"})
    driver.cloud.volumes[volume.volume_id]["metadata"]["cinder.csi.openstack.org/cluster"] = "another"
    driver.cloud.volumes[volume.volume_id]["metadata"]["cinder.csi.openstack.org/from-backup"] = "older"
    return of_snapshot(take_backup(driver, volume.volume_id).snapshot_id)


def test_a_restored_volume_carries_what_was_asked_for(driver: Driver) -> None:
    content = backup_of_another(driver)
    fields: dict[str, Any] = {"parameters": {CLAIM: "new"}, "mutable_parameters": {"metadata.team": "red"}}
    made = create(driver, volume_content_source=content, **fields)
    metadata = driver.cloud.volumes[made.volume_id]["metadata"]
    backup = {"cinder.csi.openstack.org/from-backup": content.snapshot.snapshot_id}
    assert metadata == {**MINE, CLAIM: "new", "team": "red", **backup}
    assert create(driver, volume_content_source=content, **fields).volume_id == made.volume_id


@pytest.mark.parametrize("backup_is_gone", [False, True])
def test_a_long_restore_that_ends_between_two_calls_is_found_again(
    driver: Driver, backup_is_gone: bool
) -> None:
    content = backup_of_another(driver)
    driver.cloud.steps = 10**6
    request = csi.CreateVolumeRequest(
        name="pvc-1", volume_capabilities=[capability()], volume_content_source=content
    )
    refused(lambda: driver.controller.CreateVolume(request, timeout=1), grpc.StatusCode.DEADLINE_EXCEEDED)
    [volume] = [each for each in driver.cloud.volumes.values() if each["name"] == "pvc-1"]
    for dummy, end in volume["next"]:
        end(volume)
    volume["next"].clear()
    assert volume["metadata"]["cinder.csi.openstack.org/cluster"] == "another"
    driver.cloud.steps = 0
    if backup_is_gone:
        driver.cloud.backups.known.clear()
    assert driver.controller.CreateVolume(request, timeout=10).volume.volume_id == volume["id"]
    assert volume["metadata"]["cinder.csi.openstack.org/cluster"] == "test"
    refused(lambda: create(driver), grpc.StatusCode.ALREADY_EXISTS, "content of backup")


def test_a_backup_in_the_clear_does_not_become_a_volume_that_says_it_is_encrypted(driver: Driver) -> None:
    content = backup_of_another(driver)
    driver.cloud.encrypting_types.add("slow")
    driver.cloud.types.add("slow")
    refused(
        lambda: create(driver, volume_content_source=content, parameters={"type": "slow"}),
        grpc.StatusCode.INVALID_ARGUMENT,
        content.snapshot.snapshot_id,
        "not encrypted, and volume type slow encrypts",
    )
    assert [v for v in driver.cloud.volumes.values() if v["name"] == "pvc-1"] == []


def test_a_volume_with_snapshots_stays(driver: Driver) -> None:
    volume = create(driver).volume_id
    snapshot = take(driver, volume).snapshot_id
    refused(
        lambda: driver.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume)),
        grpc.StatusCode.FAILED_PRECONDITION,
        f"snapshots, which have to be deleted first: {snapshot}",
    )
    assert driver.cloud.volumes[volume]["status"] == "available"


@pytest.mark.parametrize("kind", ["snapshot", "volume", "backup"])
def test_a_volume_is_found_again_when_its_source_is_gone(driver: Driver, kind: str) -> None:
    """A final error would leave the volume behind: nobody asks for the deletion of what was never made."""
    content = source(driver, kind)
    made = create(driver, volume_content_source=content)
    gone = content.volume.volume_id or content.snapshot.snapshot_id
    for known in (driver.cloud.volumes, driver.cloud.snapshots.known, driver.cloud.backups.known):
        known.pop(gone, None)
    assert create(driver, volume_content_source=content).volume_id == made.volume_id
    refused(lambda: create(driver, "pvc-2", volume_content_source=content), grpc.StatusCode.NOT_FOUND, gone)


def test_a_copy_is_found_again_when_its_source_has_grown(driver: Driver) -> None:
    content = source(driver, "volume")
    made = create(driver, volume_content_source=content)
    driver.cloud.volumes[content.volume.volume_id]["size"] = 2
    assert create(driver, volume_content_source=content).volume_id == made.volume_id
    refused(
        lambda: create(driver, "pvc-2", volume_content_source=content),
        grpc.StatusCode.OUT_OF_RANGE,
        "2 GiB",
    )


def test_a_copy_that_may_still_come_is_not_given_up_for_its_source(driver: Driver) -> None:
    content = source(driver, "snapshot")
    driver.cloud.failures.append(Failure("POST /volumes", 504))
    refused(lambda: create(driver, volume_content_source=content), grpc.StatusCode.UNAVAILABLE)
    driver.cloud.snapshots.known.pop(content.snapshot.snapshot_id)
    refused(lambda: create(driver, volume_content_source=content), grpc.StatusCode.ABORTED, "was lost")
