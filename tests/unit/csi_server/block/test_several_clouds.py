# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each RPC that is given secrets works in the cloud that they name."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from .. import whole
from ..conftest import Driver, block_cloud_of
from ..fake_cloud import Failure, FakeCloud
from .test_controller import create
from .test_group_controller import delete, take

NORTH = {"cloud": "north"}

CONTROLLER, GROUPS = (csi.DESCRIPTOR.services_by_name[name] for name in ("Controller", "GroupController"))
METHODS = {
    method.name: method
    for method in (*CONTROLLER.methods, *GROUPS.methods)
    if "secrets" in method.input_type.fields_by_name
}


@pytest.mark.parametrize("name", METHODS)
def test_the_secrets_choose_the_cloud(driver: Driver, name: str) -> None:
    volume = create(driver, "pvc-1").volume_id
    driver.clouds.down = "west"
    request = {**whole.of_controller(volume, "server-1"), **whole.of_groups(volume)}[name]
    request.secrets["cloud"] = "west"  # type: ignore[attr-defined]
    method = METHODS[name]
    call = driver.channel.unary_unary(f"/{method.containing_service.full_name}/{name}")
    with pytest.raises(grpc.RpcError) as refused:
        call(request.SerializeToString(), timeout=10)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "the cloud west cannot be reached" in refused.value.details()


@pytest.fixture
def north(driver: Driver) -> FakeCloud:
    """Another cloud that the driver reaches, by that name; it is not the first one."""
    made = FakeCloud()
    driver.clouds.north = block_cloud_of(made, driver.metrics)
    return made


def test_a_volume_is_deleted_where_it_is_when_nobody_could_read_the_secret(
    driver: Driver, north: FakeCloud
) -> None:
    """The provisioner goes on without the Secret, and the first cloud has no such volume."""
    volume = create(driver, secrets=NORTH).volume_id
    driver.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume), timeout=10)
    assert list(north.volumes) == []


def test_a_snapshot_is_deleted_where_it_is(driver: Driver, north: FakeCloud) -> None:
    volume = create(driver, secrets=NORTH).volume_id
    request = csi.CreateSnapshotRequest(source_volume_id=volume, name="snap-1", secrets=NORTH)
    snapshot = driver.controller.CreateSnapshot(request, timeout=10).snapshot.snapshot_id
    driver.controller.DeleteSnapshot(csi.DeleteSnapshotRequest(snapshot_id=snapshot), timeout=10)
    assert list(north.snapshots.known) == []


def test_a_volume_of_the_first_cloud_is_looked_for_nowhere(driver: Driver, north: FakeCloud) -> None:
    volume = create(driver).volume_id
    driver.cloud.calls.clear()
    driver.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume), timeout=10)
    assert driver.cloud.calls[0].startswith("DELETE")
    assert north.calls == []


def take_in_the_north(driver: Driver) -> Any:
    return take(driver, [create(driver, secrets=NORTH).volume_id], cloud=NORTH["cloud"])


def test_a_group_snapshot_is_deleted_where_it_is(driver: Driver, north: FakeCloud) -> None:
    delete(driver, take_in_the_north(driver))
    assert list(north.groups.snapshots) == []
    assert list(north.groups.known) == []


def test_of_a_group_snapshot_deleted_half_way_no_group_stays(driver: Driver, north: FakeCloud) -> None:
    taken = take_in_the_north(driver)
    north.failures.append(Failure("POST /groups/.*/action", 500))
    with pytest.raises(grpc.RpcError):
        delete(driver, taken)
    assert list(north.groups.snapshots) == []
    delete(driver, taken)
    assert list(north.groups.known) == []


@pytest.mark.parametrize(
    ("name", "request_of"),
    [
        ("DeleteVolume", lambda one: csi.DeleteVolumeRequest(volume_id=one)),
        ("DeleteSnapshot", lambda one: csi.DeleteSnapshotRequest(snapshot_id=one)),
    ],
)
def test_nothing_is_gone_before_every_cloud_was_asked(
    driver: Driver, name: str, request_of: Callable[[str], object]
) -> None:
    driver.clouds.down = "west"
    with pytest.raises(grpc.RpcError) as refused:
        getattr(driver.controller, name)(request_of(str(uuid.uuid4())), timeout=10)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "the cloud west cannot be reached" in refused.value.details()
