# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GroupController service, from a gRPC client down to the requests that reach the cloud."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc

from ..conftest import Driver, block_cloud_of
from ..fake_cloud import Failure
from ..fake_snapshots import TAKEN
from .test_controller import create, refused

Code = grpc.StatusCode


@pytest.fixture
def volumes(driver: Driver) -> list[str]:
    return [create(driver, name).volume_id for name in ("pvc-1", "pvc-2")]


def take(
    driver: Driver,
    volumes: list[str],
    name: str = "together-1",
    cloud: str = "",
    **parameters: str,
) -> Any:
    request = csi.CreateVolumeGroupSnapshotRequest(
        name=name,
        source_volume_ids=volumes,
        parameters={"group-type": "together", **parameters},
        secrets={"cloud": cloud} if cloud else None,
    )
    stub = csi_pb2_grpc.GroupControllerStub(driver.channel)
    return stub.CreateVolumeGroupSnapshot(request, timeout=10).group_snapshot


def delete(driver: Driver, taken: Any, *members: str) -> None:
    request = csi.DeleteVolumeGroupSnapshotRequest(
        group_snapshot_id=taken.group_snapshot_id, snapshot_ids=members
    )
    csi_pb2_grpc.GroupControllerStub(driver.channel).DeleteVolumeGroupSnapshot(request, timeout=10)


def get(driver: Driver, group_snapshot_id: str, *members: str) -> Any:
    request = csi.GetVolumeGroupSnapshotRequest(group_snapshot_id=group_snapshot_id, snapshot_ids=members)
    return csi_pb2_grpc.GroupControllerStub(driver.channel).GetVolumeGroupSnapshot(request, timeout=10)


def left(driver: Driver) -> list[dict[str, Any]]:
    groups = driver.cloud.groups
    return [*groups.known.values(), *groups.snapshots.values(), *driver.cloud.snapshots.known.values()]


def test_each_volume_has_its_snapshot_and_is_free_again(driver: Driver, volumes: list[str]) -> None:
    taken = take(driver, volumes)
    assert taken.ready_to_use
    assert {member.source_volume_id for member in taken.snapshots} == set(volumes)
    assert all(member.ready_to_use for member in taken.snapshots)
    assert {member.group_snapshot_id for member in taken.snapshots} == {taken.group_snapshot_id}
    [group] = driver.cloud.groups.known.values()
    assert (group["volumes"], group["name"]) == ([], taken.group_snapshot_id)
    assert take(driver, volumes, "together-2").group_snapshot_id != taken.group_snapshot_id


def test_taken_again_it_is_the_same(driver: Driver, volumes: list[str]) -> None:
    taken = take(driver, volumes)
    assert take(driver, volumes) == taken
    members = [member.snapshot_id for member in taken.snapshots]
    assert get(driver, taken.group_snapshot_id, *members).group_snapshot == taken
    assert len(driver.cloud.groups.known) == 1


def test_deleted_with_its_members_and_its_group(driver: Driver, volumes: list[str]) -> None:
    taken = take(driver, volumes)
    delete(driver, taken, *(member.snapshot_id for member in taken.snapshots))
    delete(driver, taken)
    assert left(driver) == []
    refused(lambda: get(driver, taken.group_snapshot_id), Code.NOT_FOUND)


@pytest.mark.parametrize(
    "broken",
    [
        "POST /groups",
        "PUT /groups/.*",
        "POST /group_snapshots",
        "GET /group_snapshots/.+-.*",
        "GET /groups/.+-.*",
    ],
)
def test_what_broke_half_way_is_gone_on_with(driver: Driver, volumes: list[str], broken: str) -> None:
    # A wait forgives two failures in a row.
    driver.cloud.failures.append(Failure(broken, 500, times=3 if broken.startswith("GET") else 1))
    refused(lambda: take(driver, volumes), Code.UNAVAILABLE)
    taken = take(driver, volumes)
    assert len(driver.cloud.groups.known) == len(driver.cloud.groups.snapshots) == 1
    driver.cloud.failures.append(Failure("POST /groups/.*/action", 500))
    refused(lambda: delete(driver, taken), Code.UNAVAILABLE)
    delete(driver, taken)
    assert left(driver) == []


def test_of_other_volumes_it_is_a_conflict(driver: Driver, volumes: list[str]) -> None:
    take(driver, volumes)
    refused(lambda: take(driver, volumes[:1]), Code.ALREADY_EXISTS, "together-1", volumes[1])


def test_one_that_fails_leaves_its_reason_and_nothing_else(driver: Driver, volumes: list[str]) -> None:
    driver.cloud.groups.broken = True
    refused(lambda: take(driver, volumes), Code.INTERNAL, "The back end could not take the snapshots")
    assert left(driver) == []


def test_one_that_was_returned_is_not_deleted_for_its_status(driver: Driver, volumes: list[str]) -> None:
    taken = take(driver, volumes)
    [whole] = driver.cloud.groups.snapshots.values()
    whole["status"] = "error"
    refused(lambda: take(driver, volumes), Code.ABORTED, "was taken before")
    whole["status"] = "available"
    assert take(driver, volumes) == taken


def test_of_one_that_failed_after_its_volumes_had_left_nothing_stays(
    driver: Driver, volumes: list[str]
) -> None:
    take(driver, volumes)
    driver.clouds.cloud = block_cloud_of(driver.cloud, driver.metrics)
    [whole] = driver.cloud.groups.snapshots.values()
    whole["status"] = "error"
    driver.cloud.failures.append(Failure("POST /groups/.*/action", 500))
    refused(lambda: take(driver, volumes), Code.UNAVAILABLE, "is not removed yet")
    assert driver.cloud.groups.snapshots == {}
    # The group is found again, and of use.
    taken = take(driver, volumes)
    assert len(driver.cloud.groups.known) == 1
    delete(driver, taken)
    assert left(driver) == []


def test_volumes_that_cinder_takes_no_common_snapshot_of(driver: Driver, volumes: list[str]) -> None:
    driver.cloud.volumes[volumes[0]]["availability_zone"] = "az2"
    refused(lambda: take(driver, volumes), Code.FAILED_PRECONDITION, "az1, az2")
    driver.cloud.volumes[volumes[0]]["availability_zone"] = "az1"
    driver.cloud.volumes[volumes[0]]["volume_type"] = "slow"
    refused(lambda: take(driver, volumes), Code.FAILED_PRECONDITION, "volume types fast, slow")
    assert left(driver) == []
    driver.cloud.volumes[volumes[0]]["volume_type"] = "fast"
    other = {"id": "other", "status": "available", "volumes": volumes[:1], "next": []}
    driver.cloud.groups.known["other"] = other
    refused(lambda: take(driver, volumes), Code.FAILED_PRECONDITION, "already in a group")
    assert [group["id"] for group in left(driver)] == ["other"]


@pytest.mark.parametrize(
    "parameters", [{"group-type": "loose"}, {"group-type": "id-of-loose", "consistent": "true"}]
)
def test_snapshots_one_after_the_other_are_refused(
    driver: Driver, volumes: list[str], parameters: dict[str, str]
) -> None:
    refused(
        lambda: take(driver, volumes, **parameters),
        Code.FAILED_PRECONDITION,
        "group type loose",
        "consistent_group_snapshot_enabled='<is> True'",
    )
    assert left(driver) == []


def test_where_cinder_does_not_tell_the_class_has_to_vouch(driver: Driver, volumes: list[str]) -> None:
    driver.cloud.groups.specs_shown = False
    refused(
        lambda: take(driver, volumes),
        Code.FAILED_PRECONDITION,
        "group type together",
        "group:access_group_types_specs",
        'parameter consistent: "true"',
    )
    assert left(driver) == []
    assert take(driver, volumes, consistent="true").ready_to_use


def test_a_group_type_is_looked_at_once(driver: Driver, volumes: list[str]) -> None:
    for name in ("together-1", "together-2"):
        take(driver, volumes, name)
    assert driver.cloud.calls.count("GET /group_types") == 1


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"group-type": ""}, ["group-type is missing"]),
     ({"group-type": "none"}, ["group type 'none' does not exist", "loose, together"]),
     ({"consistent": "yes"}, ["consistent is 'yes'", "'true' or 'false'"]),
     ({"grouptype": "together"}, ["grouptype", "did you mean group-type"])],
)  # fmt: skip
def test_bad_parameters_are_named(
    driver: Driver, volumes: list[str], parameters: dict[str, str], words: list[str]
) -> None:
    refused(lambda: take(driver, volumes, **parameters), Code.INVALID_ARGUMENT, *words)
    assert left(driver) == []


def test_bad_requests(driver: Driver, volumes: list[str]) -> None:
    refused(lambda: take(driver, volumes, ""), Code.INVALID_ARGUMENT, "name is missing")
    refused(lambda: take(driver, []), Code.INVALID_ARGUMENT, "source_volume_ids is missing")
    refused(lambda: take(driver, ["none"]), Code.NOT_FOUND, "volume none")
    taken = take(driver, volumes)
    refused(lambda: get(driver, taken.group_snapshot_id, "other"), Code.INVALID_ARGUMENT, "snapshot_ids")
    refused(lambda: delete(driver, taken, "other"), Code.INVALID_ARGUMENT, "snapshot_ids")
    refused(lambda: get(driver, ""), Code.INVALID_ARGUMENT, "group_snapshot_id is missing")


def test_a_member_is_not_deleted_alone(driver: Driver, volumes: list[str]) -> None:
    member = take(driver, volumes).snapshots[0]
    refused(
        lambda: driver.controller.DeleteSnapshot(
            csi.DeleteSnapshotRequest(snapshot_id=member.snapshot_id), timeout=10
        ),
        Code.INVALID_ARGUMENT,
        "delete group snapshot",
    )


def test_members_are_listed_with_the_snapshots_of_the_cluster(driver: Driver, volumes: list[str]) -> None:
    def listed(volume: str = "") -> dict[str, str]:
        request = csi.ListSnapshotsRequest(source_volume_id=volume)
        entries = driver.controller.ListSnapshots(request, timeout=10).entries
        return {each.snapshot.source_volume_id: each.snapshot.snapshot_id for each in entries}

    taken = take(driver, volumes)
    driver.cloud.groups.snapshots["theirs"] = {
        "id": "theirs",
        "status": "available",
        "created_at": TAKEN,
        "next": [],
    }
    driver.cloud.snapshots.add(volume_id="other", group_snapshot_id="theirs")
    members = {member.source_volume_id: member.snapshot_id for member in taken.snapshots}
    assert listed() == members
    assert listed(volumes[0]) == {volumes[0]: members[volumes[0]]}


def test_a_member_that_is_busy_when_it_should_leave_is_waited_for(driver: Driver, volumes: list[str]) -> None:
    driver.cloud.groups.members_busy = True
    refused(lambda: take(driver, volumes), Code.ABORTED, "attaching")
    driver.cloud.groups.members_busy = False
    taken = take(driver, volumes)
    [group] = driver.cloud.groups.known.values()
    assert (group["volumes"], group["name"]) == ([], taken.group_snapshot_id)


def test_one_whose_volumes_fail_to_leave_is_asked_for_again(driver: Driver, volumes: list[str]) -> None:
    driver.cloud.groups.keeps_members = True
    for dummy in range(2):
        refused(lambda: take(driver, volumes), Code.UNAVAILABLE, "is taken", "its status is error")
    driver.cloud.groups.keeps_members = False
    [group] = driver.cloud.groups.known.values()
    group["status"] = "available"
    taken = take(driver, volumes)
    assert (group["volumes"], group["name"]) == ([], taken.group_snapshot_id)


def test_a_group_that_is_of_no_use_any_more_is_removed(driver: Driver, volumes: list[str]) -> None:
    driver.cloud.failures.append(Failure("POST /group_snapshots", 500, times=2))
    refused(lambda: take(driver, volumes), Code.UNAVAILABLE)
    driver.cloud.volumes[volumes[0]]["availability_zone"] = "az2"
    refused(lambda: take(driver, volumes), Code.FAILED_PRECONDITION, "az1, az2")
    assert left(driver) == []
    driver.cloud.volumes[volumes[0]]["availability_zone"] = "az1"
    refused(lambda: take(driver, volumes), Code.UNAVAILABLE)
    del driver.cloud.volumes[volumes[0]]
    refused(lambda: take(driver, volumes), Code.NOT_FOUND, volumes[0])
    assert left(driver) == []


def test_one_whose_volumes_never_left_is_deleted_with_its_group(driver: Driver, volumes: list[str]) -> None:
    driver.cloud.groups.members_busy = True
    refused(lambda: take(driver, volumes), Code.ABORTED)
    driver.cloud.groups.members_busy = False
    [whole] = driver.cloud.groups.snapshots
    delete(driver, csi.VolumeGroupSnapshot(group_snapshot_id=whole))
    assert left(driver) == []
