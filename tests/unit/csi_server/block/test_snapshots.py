# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots and backups, from a gRPC client down to the requests that reach the cloud."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block import snapshot_parameters
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from ..conftest import MINE, Driver
from ..fake_cloud import Failure
from .test_controller import GIB, create, publish, refused

BACKUPS = "ansible_collections.mooring.storage.plugins.module_utils._cloud.backups"
OTHERS = {"cinder.csi.openstack.org/cluster": "other"}


def take(driver: Driver, volume: str, name: str = "snapshot-1", **parameters: str) -> csi.Snapshot:
    request = csi.CreateSnapshotRequest(name=name, source_volume_id=volume, parameters=parameters)
    return driver.controller.CreateSnapshot(request, timeout=10).snapshot


def take_backup(driver: Driver, volume: str, name: str = "snapshot-1", **parameters: str) -> csi.Snapshot:
    """A backup, asked for until it is ready."""
    for dummy in range(20):
        made = take(driver, volume, name, type="backup", **parameters)
        if made.ready_to_use:
            return made
    raise AssertionError("the backup does not become ready")


def delete(driver: Driver, snapshot: str) -> None:
    driver.controller.DeleteSnapshot(csi.DeleteSnapshotRequest(snapshot_id=snapshot), timeout=10)


def listed(driver: Driver, **fields: Any) -> list[str]:
    answer = driver.controller.ListSnapshots(csi.ListSnapshotsRequest(**fields), timeout=10)
    return [entry.snapshot.snapshot_id for entry in answer.entries]


def test_a_snapshot_is_waited_for_and_described(driver: Driver) -> None:
    driver.cloud.steps = 2
    volume = create(driver, size=2 * GIB).volume_id
    described = {"csi.storage.k8s.io/volumesnapshot/name": "nightly"}
    made = take(driver, volume, **described)
    assert (made.source_volume_id, made.size_bytes, made.ready_to_use) == (volume, 2 * GIB, True)
    assert made.creation_time.ToDatetime(tzinfo=UTC) == datetime(2026, 11, 23, 22, 10, tzinfo=UTC)
    assert driver.cloud.snapshots.known[made.snapshot_id]["metadata"] == {**described, **MINE}


def test_a_snapshot_is_cut_when_it_is_returned_or_listed(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.steps = 10**9
    request = csi.CreateSnapshotRequest(name="snapshot-1", source_volume_id=volume)
    refused(lambda: driver.controller.CreateSnapshot(request, timeout=1), grpc.StatusCode.DEADLINE_EXCEEDED)
    [first] = driver.cloud.snapshots.known
    assert (
        listed(driver) == listed(driver, snapshot_id=first) == listed(driver, source_volume_id=volume) == []
    )
    driver.cloud.snapshots.known[first].update(status="available", next=[])
    again = take(driver, volume)
    assert (again.snapshot_id, again.ready_to_use) == (first, True)
    assert len(driver.cloud.snapshots.known) == 1


def test_a_snapshot_of_an_attached_volume(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, server)
    assert take(driver, volume).ready_to_use
    refused(
        lambda: take(driver, volume, "snapshot-2", **{"force-create": "false"}),
        grpc.StatusCode.FAILED_PRECONDITION,
        "in-use",
    )


@pytest.mark.parametrize("word", ["1", "t", "T", "TRUE", "true", "True"])
def test_words_that_force_a_snapshot(word: str) -> None:
    assert snapshot_parameters.parse({"force-create": word}).force


@pytest.mark.parametrize("word", ["0", "f", "F", "FALSE", "false", "False"])
def test_words_that_force_no_snapshot(word: str) -> None:
    assert not snapshot_parameters.parse({"force-create": word}).force


def test_no_kind_is_a_snapshot() -> None:
    assert snapshot_parameters.parse({"type": ""}).kind is snapshot_parameters.Kind.SNAPSHOT


def test_a_snapshot_of_no_volume(driver: Driver) -> None:
    refused(lambda: take(driver, "gone"), grpc.StatusCode.NOT_FOUND, "Volume gone")


@pytest.mark.parametrize("kind", ["snapshot", "backup"])
def test_a_name_that_is_taken_by_another_volume_or_cluster(driver: Driver, kind: str) -> None:
    volume, second = create(driver).volume_id, create(driver, "pvc-2").volume_id
    take_it = take_backup if kind == "backup" else take
    take_it(driver, volume)
    refused(lambda: take(driver, second, type=kind), grpc.StatusCode.ALREADY_EXISTS, volume)
    of_kind = driver.cloud.backups if kind == "backup" else driver.cloud.snapshots
    of_kind.add(name="theirs", volume_id=volume, metadata=OTHERS)
    refused(lambda: take(driver, volume, "theirs", type=kind), grpc.StatusCode.ALREADY_EXISTS, "cluster")


def test_a_snapshot_that_fails_leaves_its_reason_and_nothing_else(driver: Driver) -> None:
    driver.cloud.steps = 0
    volume = create(driver).volume_id
    driver.cloud.snapshots.broken = True
    refused(lambda: take(driver, volume), grpc.StatusCode.INTERNAL, "could not take the snapshot")
    driver.cloud.snapshots.broken = False
    assert take(driver, volume).ready_to_use
    assert len(driver.cloud.snapshots.known) == 1


def test_a_snapshot_in_error_is_never_a_success(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.snapshots.add(name="snapshot-1", status="error", volume_id=volume, metadata=MINE)
    refused(lambda: take(driver, volume), grpc.StatusCode.INTERNAL, "its status is error")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"tpye": "backup"}, ["tpye", "did you mean type"]),
     ({"type": "clone"}, ["clone", "snapshot or backup"]),
     ({"force-create": "yes"}, ["force-create", "true or false"]),
     ({"backup-max-duration-seconds-per-gb": "0"}, ["'0'", "number of seconds"])],
)  # fmt: skip
def test_bad_parameters_are_named(driver: Driver, parameters: dict[str, str], words: list[str]) -> None:
    volume = create(driver).volume_id
    refused(lambda: take(driver, volume, **parameters), grpc.StatusCode.INVALID_ARGUMENT, *words)


def test_a_backup_is_begun_and_asked_about(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver, size=2 * GIB).volume_id
    publish(driver, volume, server)
    driver.cloud.steps = 2
    parameters = {"availability": "az2", "backup-max-duration-seconds-per-gb": "2" * 5000}
    begun = take(driver, volume, type="backup", **parameters)
    assert not begun.ready_to_use
    done = take_backup(driver, volume, **parameters)
    assert (done.snapshot_id, done.size_bytes) == (begun.snapshot_id, 2 * GIB)
    made = driver.cloud.backups.known[done.snapshot_id]
    assert (made["metadata"], made["availability_zone"]) == (MINE, "az2")
    assert driver.cloud.snapshots.known == {}, "the snapshot that was copied is left over"


def test_the_snapshot_of_a_backup_is_not_one_of_kubernetes(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.steps = 3
    begun = take(driver, volume, type="backup")
    assert len(driver.cloud.snapshots.known) == 1
    assert listed(driver) == [begun.snapshot_id]


def test_a_backup_that_fails_tells_its_reason_until_it_is_deleted(driver: Driver) -> None:
    """The snapshotter keeps the id that it was told first: another backup would never be found again."""
    driver.cloud.steps = 0
    volume = create(driver).volume_id
    driver.cloud.backups.broken = True
    begun = take(driver, volume, type="backup")
    for dummy in range(2):
        refused(lambda: take(driver, volume, type="backup"), grpc.StatusCode.INTERNAL, "object store is full")
    assert list(driver.cloud.backups.known) == [begun.snapshot_id]
    delete(driver, begun.snapshot_id)
    driver.cloud.cinder.request("/backups/detail", "GET", params={"limit": 9})
    assert (driver.cloud.backups.known, driver.cloud.snapshots.known) == ({}, {})


def test_a_backup_that_is_well_again_is_the_same(driver: Driver) -> None:
    volume = create(driver).volume_id
    made = take_backup(driver, volume)
    driver.cloud.backups.known[made.snapshot_id]["status"] = "error"
    refused(lambda: take(driver, volume, type="backup"), grpc.StatusCode.INTERNAL)
    driver.cloud.backups.known[made.snapshot_id]["status"] = "available"
    assert take(driver, volume, type="backup") == made


def test_a_backup_that_fails_before_anybody_knows_its_id_is_told_first(driver: Driver) -> None:
    """The snapshotter asks for the deletion of nothing that it was not told."""
    volume = create(driver).volume_id
    driver.cloud.failures.append(Failure("POST /backups", 504))
    refused(lambda: take(driver, volume, type="backup"), grpc.StatusCode.UNAVAILABLE)
    failed = driver.cloud.backups.add(name="snapshot-1", status="error", volume_id=volume, metadata=MINE)
    told = take(driver, volume, type="backup")
    assert (told.snapshot_id, told.ready_to_use) == (failed["id"], False)
    refused(lambda: take(driver, volume, type="backup"), grpc.StatusCode.INTERNAL, "with its VolumeSnapshot")
    delete(driver, told.snapshot_id)
    driver.cloud.cinder.request("/backups/detail", "GET", params={"limit": 9})
    assert driver.cloud.backups.known == {}


def test_the_snapshot_of_a_backup_that_no_service_works_on_is_named(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.steps = 3
    begun = take(driver, volume, type="backup")
    [source] = driver.cloud.snapshots.known
    for known, status in (
        (driver.cloud.backups.known[begun.snapshot_id], "error"),
        (driver.cloud.snapshots.known[source], "backing-up"),
    ):
        known.update(status=status, next=[])
    refused(
        lambda: delete(driver, begun.snapshot_id),
        grpc.StatusCode.FAILED_PRECONDITION,
        f"openstack volume snapshot set --state available {source}",
    )
    driver.cloud.snapshots.known[source]["status"] = "available"
    delete(driver, begun.snapshot_id)
    assert driver.cloud.snapshots.known == {}


def test_a_snapshot_that_was_returned_is_not_deleted_for_its_status(driver: Driver) -> None:
    volume = create(driver).volume_id
    taken = take(driver, volume)
    driver.cloud.snapshots.known[taken.snapshot_id]["status"] = "error"
    refused(lambda: take(driver, volume), grpc.StatusCode.ABORTED, "was taken before")
    driver.cloud.snapshots.known[taken.snapshot_id]["status"] = "available"
    assert take(driver, volume) == taken


def test_a_lost_request_for_a_backup_costs_no_further_snapshot(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.failures.append(Failure("POST /backups", 504))
    for code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.ABORTED):
        refused(lambda: take(driver, volume, type="backup"), code)
    assert driver.cloud.calls.count("POST /snapshots") == 1
    assert driver.cloud.snapshots.known == {}


def test_a_cloud_without_backup_service(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{BACKUPS}.SERVICE_PATIENCE", 0.5)
    driver.cloud.backups.service = False
    volume = create(driver).volume_id
    refused(
        lambda: take(driver, volume, type="backup"),
        grpc.StatusCode.UNAVAILABLE,
        "Service cinder-backup could not be found",
        "backups need Cinder's backup service",
    )
    assert driver.cloud.snapshots.known == {}


@pytest.mark.parametrize("kind", ["snapshot", "backup"])
def test_delete_waits_and_may_come_again(driver: Driver, kind: str) -> None:
    volume = create(driver).volume_id
    made = (take_backup if kind == "backup" else take)(driver, volume).snapshot_id
    driver.cloud.steps = 3
    delete(driver, made)
    assert (driver.cloud.backups.known, driver.cloud.snapshots.known) == ({}, {})
    delete(driver, made)
    delete(driver, "never-was")


def test_a_backup_that_is_being_created_is_deleted_later(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.steps = 3
    made = take(driver, volume, type="backup").snapshot_id
    refused(lambda: delete(driver, made), grpc.StatusCode.ABORTED, "being created")
    for dummy in range(4):
        driver.cloud.cinder.request(f"/backups/{made}", "GET")
    delete(driver, made)
    assert (driver.cloud.backups.known, driver.cloud.snapshots.known) == ({}, {})


def test_an_error_is_never_taken_for_absence(driver: Driver) -> None:
    volume = create(driver).volume_id
    made = take(driver, volume).snapshot_id
    driver.cloud.failures.append(Failure("DELETE /snapshots/.*", 500))
    refused(lambda: delete(driver, made), grpc.StatusCode.UNAVAILABLE)
    assert made in driver.cloud.snapshots.known


def test_a_listing_has_snapshots_and_backups_of_this_cluster(driver: Driver) -> None:
    volume, second = create(driver).volume_id, create(driver, "pvc-2").volume_id
    ours = [take(driver, volume).snapshot_id, take_backup(driver, volume, "snapshot-2").snapshot_id]
    other = take(driver, second, "snapshot-3").snapshot_id
    theirs = driver.cloud.snapshots.add(volume_id=volume, metadata=OTHERS)["id"]
    driver.cloud.backups.add(volume_id=volume, metadata=OTHERS)
    assert listed(driver) == sorted([*ours, other])
    assert listed(driver, source_volume_id=volume) == sorted(ours)
    assert listed(driver, snapshot_id=theirs) == [theirs]
    assert listed(driver, snapshot_id=ours[1], source_volume_id=second) == []
    assert listed(driver, snapshot_id="gone") == []
    assert listed(driver, source_volume_id="gone") == []


def test_pages_hold_while_snapshots_come_and_go(driver: Driver) -> None:
    driver.cloud.page_size = 2
    volume = create(driver).volume_id
    made = sorted(driver.cloud.snapshots.add(volume_id=volume, metadata=MINE)["id"] for dummy in range(7))
    first = driver.controller.ListSnapshots(csi.ListSnapshotsRequest(max_entries=3))
    assert [entry.snapshot.snapshot_id for entry in first.entries] == made[:3]
    for gone in (made[2], made[4]):
        del driver.cloud.snapshots.known[gone]
    token = first.next_token
    rest = driver.controller.ListSnapshots(csi.ListSnapshotsRequest(max_entries=9, starting_token=token))
    assert [entry.snapshot.snapshot_id for entry in rest.entries] == [made[3], *made[5:]]
    assert rest.next_token == ""


def test_a_token_that_is_none(driver: Driver) -> None:
    refused(lambda: listed(driver, starting_token="7"), grpc.StatusCode.ABORTED, "'7'")
    refused(lambda: listed(driver, max_entries=-1), grpc.StatusCode.INVALID_ARGUMENT, "-1")


def test_get_knows_both_kinds(driver: Driver) -> None:
    volume = create(driver).volume_id
    for made in (take(driver, volume), take_backup(driver, volume, "snapshot-2")):
        request = csi.GetSnapshotRequest(snapshot_id=made.snapshot_id)
        assert driver.controller.GetSnapshot(request).snapshot == made
    missing = csi.GetSnapshotRequest(snapshot_id="gone")
    refused(lambda: driver.controller.GetSnapshot(missing), grpc.StatusCode.NOT_FOUND, "gone")


def test_a_cloud_that_is_down_hides_no_snapshot_of_another(driver: Driver) -> None:
    made = take(driver, create(driver).volume_id).snapshot_id
    driver.clouds.down = "west"
    assert listed(driver, snapshot_id=made) == [made]
    refused(lambda: listed(driver, snapshot_id="gone"), grpc.StatusCode.UNAVAILABLE, "west")
    refused(lambda: listed(driver), grpc.StatusCode.UNAVAILABLE, "west")
