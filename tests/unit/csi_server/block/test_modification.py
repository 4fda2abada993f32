# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ControllerModifyVolume and mutable parameters, from a gRPC client down to the cloud's requests."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from ..conftest import Driver
from .test_controller import create, refused
from .test_expansion import ATTACHED

Code = grpc.StatusCode
TYPE_ID = "0a1b2c3d-0000-4000-8000-000000000009"


def modify(driver: Driver, volume: dict[str, Any], **parameters: str) -> None:
    modify_by(driver, volume, parameters)


def modify_by(driver: Driver, volume: dict[str, Any], parameters: dict[str, str]) -> None:
    driver.controller.ControllerModifyVolume(
        csi.ControllerModifyVolumeRequest(volume_id=volume["id"], mutable_parameters=parameters), timeout=10
    )


@pytest.mark.parametrize("has", [{}, ATTACHED], ids=["available", "in use"])
def test_a_volume_gets_another_type_and_stays_as_it_was(driver: Driver, has: dict[str, Any]) -> None:
    driver.cloud.steps = 2
    volume = driver.cloud.add_volume(**has)
    status = volume["status"]
    modify(driver, volume, type="slow")
    assert (volume["volume_type"], volume["status"]) == ("slow", status)


def test_a_volume_that_has_all_of_it_costs_one_look(driver: Driver) -> None:
    volume = driver.cloud.add_volume(metadata={"tier": "gold"})
    modify_by(driver, volume, {"type": "fast", "metadata.tier": "gold"})
    assert driver.cloud.calls == [f"GET /volumes/{volume['id']}"]


def test_a_type_may_be_named_by_its_id(driver: Driver) -> None:
    driver.cloud.changes.type_ids[TYPE_ID] = "slow"
    volume = driver.cloud.add_volume()
    modify(driver, volume, type=TYPE_ID)
    modify(driver, volume, type=TYPE_ID)
    assert volume["volume_type"] == "slow"
    assert sum(call.endswith("/action") for call in driver.cloud.calls) == 1


def test_metadata_is_set_beside_the_drivers_own(driver: Driver) -> None:
    own, odd = {"cinder.csi.openstack.org/cluster": "test"}, "A-1_b:c.d/e f"
    volume = driver.cloud.add_volume(metadata=own)
    wanted = {"metadata.tier": "gold", f"metadata.{odd}": "x"}
    modify_by(driver, volume, {**wanted, "csi.storage.k8s.io/pvc/name": "data"})
    assert volume["metadata"] == {**own, "tier": "gold", odd: "x"}


def test_a_call_that_comes_again_waits_for_the_first_ones_work(driver: Driver) -> None:
    volume = driver.cloud.add_volume(status="retyping")
    driver.cloud.later(volume, lambda v: v.update(status="available", volume_type="slow"))
    modify(driver, volume, type="slow")
    assert not [call for call in driver.cloud.calls if call.startswith("POST")]


def test_a_type_of_another_back_end_needs_the_policy_that_allows_it(driver: Driver) -> None:
    driver.cloud.changes.room = False
    volume = driver.cloud.add_volume()
    refused(
        lambda: modify(driver, volume, type="slow"), Code.INVALID_ARGUMENT, "migration-policy", "on-demand"
    )
    assert (volume["volume_type"], volume["status"]) == ("fast", "available")
    modify_by(driver, volume, {"type": "slow", "migration-policy": "on-demand"})
    assert volume["volume_type"] == "slow"


def test_a_type_that_an_attached_volume_cannot_have_is_a_failed_precondition(driver: Driver) -> None:
    driver.cloud.changes.front_end_types.add("slow")
    volume = driver.cloud.add_volume(**ATTACHED)
    refused(
        lambda: modify(driver, volume, type="slow"), Code.FAILED_PRECONDITION, "front-end qos", "attached"
    )


def test_a_type_that_does_not_exist_is_named(driver: Driver) -> None:
    volume = driver.cloud.add_volume()
    refused(
        lambda: modify(driver, volume, type="no-such"), Code.INVALID_ARGUMENT, "no-such could not be found"
    )
    refused(lambda: modify(driver, volume, type=TYPE_ID), Code.INVALID_ARGUMENT, TYPE_ID)


@pytest.mark.parametrize(
    ("status", "code"), [("detaching", Code.ABORTED), ("error_extending", Code.INTERNAL)]
)
def test_a_volume_in_another_state_keeps_its_type(driver: Driver, status: str, code: grpc.StatusCode) -> None:
    volume = driver.cloud.add_volume(status=status)
    refused(lambda: modify(driver, volume, type="slow"), code, status)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"tpye": "slow"}, ["tpye", "did you mean type"]),
        ({"migration-polcy": "never"}, ["did you mean migration-policy"]),
        ({"iops": "500"}, ["iops is unknown", "metadata.<key>"]),
        ({"migration-policy": "always"}, ["'always'", "never or on-demand"]),
        ({"metadata.": "x"}, ["1 to 255"]),
        ({"metadata.a": "x" * 256}, ["metadata.a", "at most 255"]),
        ({"type": "slow", "metadata." + "x" * 256: "a"}, ["1 to 255"]),
        ({"type": "slow", "metadata.größe": "a"}, ["metadata.größe", "letters, digits, spaces and -_:./"]),
        ({"type": "slow", "metadata.a\n": "a"}, ["letters, digits"]),
        ({"metadata.cinder.csi.openstack.org/cluster": "mine"}, ["the driver's own"]),
        ({"metadata.csi.storage.k8s.io/pv/name": "x"}, ["the driver's own"]),
    ],
)
def test_what_cannot_be_is_refused_before_the_cloud_is_asked(
    driver: Driver, parameters: dict[str, str], words: list[str]
) -> None:
    volume = driver.cloud.add_volume()
    refused(lambda: modify_by(driver, volume, parameters), Code.INVALID_ARGUMENT, *words)
    refused(lambda: create(driver, mutable_parameters=parameters), Code.INVALID_ARGUMENT, *words)
    assert driver.cloud.calls == []


def test_what_is_missing_is_named(driver: Driver) -> None:
    refused(lambda: modify(driver, {"id": ""}), Code.INVALID_ARGUMENT, "volume_id is missing")
    refused(lambda: modify(driver, {"id": "no-such"}, type="slow"), Code.NOT_FOUND, "no-such")


def test_a_new_volume_is_made_with_its_mutable_parameters(driver: Driver) -> None:
    mutable = {"type": "slow", "metadata.tier": "gold"}
    made = create(driver, parameters={"type": "fast"}, mutable_parameters=mutable)
    volume = driver.cloud.volumes[made.volume_id]
    assert volume["volume_type"] == "slow"
    assert volume["metadata"] == {"tier": "gold", "cinder.csi.openstack.org/cluster": "test"}
    again = create(driver, parameters={"type": "fast"}, mutable_parameters=mutable)
    assert again.volume_id == made.volume_id
    refused(lambda: create(driver, parameters={"type": "fast"}), Code.ALREADY_EXISTS, "type slow")
