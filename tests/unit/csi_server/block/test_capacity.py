# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GetCapacity, down to the requests that reach the cloud."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.block.capacity import UNBOUNDED
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.plugins.module_utils._cloud.pools import Pool, free_gib

from ..conftest import Driver
from ..fake_cloud import Failure
from .test_controller import GIB, Mode, capability, refused


def ask(driver: Driver, zone: str = "", capabilities: Any = (), **parameters: str) -> Any:
    topology = csi.Topology(segments={names.TOPOLOGY_ZONE: zone}) if zone else None
    request = csi.GetCapacityRequest(
        parameters=parameters, accessible_topology=topology, volume_capabilities=capabilities
    )
    return driver.controller.GetCapacity(request, timeout=10)


def available(driver: Driver, zone: str = "", capabilities: Any = (), **parameters: str) -> int:
    """GiB"""
    return int(ask(driver, zone, capabilities, **parameters).available_capacity) // GIB


def quota(limit: int, in_use: int = 0) -> dict[str, int]:
    return {"limit": limit, "in_use": in_use, "reserved": 0}


def pool(free: Any, **has: Any) -> dict[str, Any]:
    return {"total_capacity_gb": free, "free_capacity_gb": free, **has}


def thin(ratio: float | str, **has: Any) -> dict[str, Any]:
    """A pool of 100 GiB, 10 of them used, that promises more than it has."""
    return {
        "total_capacity_gb": 100,
        "free_capacity_gb": 90,
        "thin_provisioning_support": True,
        "max_over_subscription_ratio": ratio,
        **has,
    }


def test_what_the_quota_leaves(driver: Driver) -> None:
    answer = ask(driver)
    assert answer.available_capacity == answer.maximum_volume_size.value == 60 * GIB
    assert answer.minimum_volume_size.value == GIB


def test_the_quota_of_a_type_and_of_one_volume(driver: Driver) -> None:
    driver.cloud.quotas |= {"gigabytes_slow": quota(20, 5), "per_volume_gigabytes": quota(8)}
    answer = ask(driver, type="id-of-slow")
    assert (answer.available_capacity, answer.maximum_volume_size.value) == (15 * GIB, 8 * GIB)
    assert available(driver, type="fast") == 60


@pytest.mark.parametrize("name", ["volumes", "volumes_fast"])
def test_no_volume_more(driver: Driver, name: str) -> None:
    driver.cloud.quotas[name] = quota(3, 3)
    assert available(driver, type="fast") == 0


def test_nothing_bounds_it(driver: Driver) -> None:
    driver.cloud.quotas = {"gigabytes": quota(-1, 7)}
    assert available(driver) == UNBOUNDED


def test_pools_by_zone_and_type(driver: Driver) -> None:
    driver.cloud.default_type = ""
    driver.cloud.quotas = {"gigabytes": quota(-1)}
    driver.cloud.extra_specs = {
        "fast": {"volume_backend_name": "ssd"},
        "slow": {"RESKEY:availability_zones": "az2", "volume_backend_name": "hdd"},
    }
    driver.cloud.pools = {
        "ssd": ("az1", pool(40)),
        "hdd": ("az2", pool(70)),
        "off": ("az1", pool(900, backend_state="down")),
    }
    assert [available(driver, zone) for zone in ("", "az1", "az2", "az9")] == [110, 40, 70, 0]
    assert ask(driver).maximum_volume_size.value == 70 * GIB
    assert available(driver, type="fast") == available(driver, "az1", type="fast") == 40
    assert [available(driver, zone, type="slow") for zone in ("az1", "az2")] == [0, 70]
    assert [available(driver, zone, availability="az2") for zone in ("az1", "az2")] == [0, 70]


def test_a_class_without_type_is_of_the_default_one(driver: Driver) -> None:
    driver.cloud.quotas = {"gigabytes": quota(-1), "gigabytes_slow": quota(50, 5)}
    driver.cloud.pools = {"ssd": ("az1", pool(400)), "hdd": ("az2", pool(700))}
    driver.cloud.extra_specs = {"slow": {"RESKEY:availability_zones": "az2", "volume_backend_name": "hdd"}}
    driver.cloud.default_type = "slow"
    assert [available(driver, zone) for zone in ("", "az1", "az2")] == [45, 0, 45]


def test_parameters_for_the_sidecars_do_not_matter(driver: Driver) -> None:
    others = {"csi.storage.k8s.io/fstype": "ext4", "csi.storage.k8s.io/provisioner-secret-name": "cloud"}
    assert available(driver, type="fast", **others) == 60
    refused(lambda: ask(driver, tpye="fast", **others), grpc.StatusCode.INVALID_ARGUMENT, "tpye")


def test_pools_and_quotas_both_bound_it(driver: Driver) -> None:
    driver.cloud.pools = {"ssd": ("az1", pool("infinite"))}
    assert available(driver, "az1") == 60


def test_volumes_for_several_nodes_are_of_other_types(driver: Driver) -> None:
    shared = [capability(Mode.MULTI_NODE_MULTI_WRITER, block=True)]
    assert available(driver, capabilities=shared, type="fast") == 0
    assert available(driver, capabilities=shared, type="multi") == 60


def test_a_type_that_does_not_exist(driver: Driver) -> None:
    refused(lambda: ask(driver, type="moon"), grpc.StatusCode.INVALID_ARGUMENT, "moon", "fast")


def test_one_look_serves_all_that_ask_at_once(driver: Driver) -> None:
    for zone in ("", "az1", "az2"):
        available(driver, zone)
    assert len(driver.cloud.calls) == 5, driver.cloud.calls


def test_a_type_that_is_new_is_found(driver: Driver) -> None:
    assert available(driver, type="fast") == 60
    driver.cloud.types = {*driver.cloud.types, "new"}
    assert available(driver, type="new") == 60


def test_a_failure_is_not_a_capacity(driver: Driver) -> None:
    driver.cloud.failures.append(Failure("GET /os-quota-sets/project", 500))
    refused(lambda: ask(driver), grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize(
    ("capabilities", "free"),
    [
        (pool(10), 10),
        (pool("infinite"), None),
        (pool("unknown"), None),
        ({}, None),
        ({**pool(10), "total_capacity_gb": 100, "reserved_percentage": 5}, 5),
        ({**pool(10), "reserved_percentage": 200}, 0),
        (
            {**pool(10), "total_capacity_gb": 100, "thin_provisioning_support": True,
             "max_over_subscription_ratio": "2.0", "provisioned_capacity_gb": 150},
            50,
        ),
        (thin("auto", provisioned_capacity_gb=22), 100 * 3 - 22),
        (thin("auto", allocated_capacity_gb=33), 100 * 4 - 33),
        (thin("auto", provisioned_capacity_gb=0, allocated_capacity_gb=33), 100 * 20),
        (thin("auto"), 100 * 20),
        (thin(2.0, allocated_capacity_gb=33), 100 * 2 - 33),
    ],
)  # fmt: skip
def test_what_the_scheduler_would_still_place(capabilities: dict[str, Any], free: int | None) -> None:
    assert free_gib(capabilities) == free


@pytest.mark.parametrize(
    ("specs", "fits"),
    [
        ({}, True),
        ({"volume_backend_name": "slow"}, True),
        ({"capabilities:volume_backend_name": "slow"}, True),
        ({"volume_backend_name": "fast"}, False),
        ({"multiattach": "<is> True"}, True),
        ({"multiattach": "<is> False"}, False),
        ({"compression": "<is> True"}, False),
        ({"iops": ">= 100"}, True),
        ({"RESKEY:availability_zones": "az1", "hw:size": "big"}, True),
    ],
)
def test_which_pools_a_type_may_use(specs: dict[str, str], fits: bool) -> None:
    has = {"volume_backend_name": "slow", "multiattach": True, "iops": 500}
    assert Pool("pool", "az1", 1, has).takes(specs) is fits
