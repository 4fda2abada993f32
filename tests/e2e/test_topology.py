# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes are made where their pods can run: zones with other names in Cinder, and further segments."""

from __future__ import annotations

import uuid

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.tests.e2e import objects, second_driver
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says
from ansible_collections.mooring.storage.tests.e2e.own_controller import OwnController, section
from ansible_collections.mooring.storage.tests.lab.faults.load import CAPABILITY

ZONE = "topology.cinder.csi.openstack.org/zone"
RACK = "example.org/rack"


@pytest.fixture(scope="module")
def driver(cloud, tmp_path_factory):
    """A driver for which Nova's az1 is Cinder's az2."""
    with second_driver.installed(
        tmp_path_factory.mktemp("zones"),
        "zones",
        19812,
        cloud,
        csi_driver_zone_map={"az1": "az2"},
        csi_driver_additional_topology={RACK: "r1"},
    ) as name:
        yield name


def storage_class(name, driver, volume_type, **fields):
    return objects.storage_class(
        name, {"type": volume_type}, provisioner=driver, volumeBindingMode="WaitForFirstConsumer", **fields
    )


def in_rack(rack):
    expressions = [{"key": ZONE, "values": ["az1"]}, {"key": RACK, "values": [rack]}]
    return [{"matchLabelExpressions": expressions}]


def test_a_volume_is_made_in_the_zone_of_its_pods_node(driver, namespace, cluster_wide, cinder):
    cluster_wide(storage_class(namespace, driver, "slow", allowedTopologies=in_rack("r1")))
    objects.apply(objects.claim(namespace, "data", namespace))
    objects.apply(objects.pod(namespace, "user", {"/data": "data"}))
    objects.wait_ready(namespace, "user")
    volume = objects.wait_bound(namespace, "data")
    assert cinder.get_volume(volume).availability_zone == "az2"

    bound = objects.get("pvc", "data", namespace)["spec"]["volumeName"]
    [term] = objects.get("pv", bound)["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    wanted = {each["key"]: each["values"] for each in term["matchExpressions"]}
    assert wanted == {ZONE: ["az1"], RACK: ["r1"]}
    node = objects.get("pod", "user", namespace)["spec"]["nodeName"]
    assert sorted(objects.node_driver(node, driver)["topologyKeys"]) == [RACK, ZONE]
    objects.delete("pod", "user", namespace)
    objects.delete("pvc", "data", namespace)


def test_no_volume_is_made_where_no_node_is(driver, namespace, cluster_wide, cinder):
    cluster_wide(storage_class(namespace, driver, "slow", allowedTopologies=in_rack("r2")))
    objects.apply(objects.claim(namespace, "data", namespace))
    objects.apply(objects.pod(namespace, "user", {"/data": "data"}))

    assert_says(lambda: objects.told(namespace, "FailedScheduling"), "0/2 nodes are available")
    assert objects.get("pvc", "data", namespace)["status"]["phase"] == "Pending"
    objects.delete("pod", "user", namespace)
    objects.delete("pvc", "data", namespace)


def test_a_class_names_the_zone_of_its_volumes(namespace, cluster_wide, cinder):
    cluster_wide(objects.storage_class(namespace, {"type": "slow", "availability": "az2"}))
    objects.apply(objects.claim(namespace, "data", namespace))
    assert cinder.get_volume(objects.wait_bound(namespace, "data")).availability_zone == "az2"


@pytest.mark.parametrize("ignored", [True, False], ids=["ignored", "heeded"])
def test_zones_of_nova_that_cinder_does_not_have(cloud, cinder, tmp_path, ignored):
    """With cross_az_attach in Nova, one storage may serve all its zones: ``ignore-volume-az``."""
    requirement = csi.TopologyRequirement(requisite=[csi.Topology(segments={ZONE: "of-nova-alone"})])
    request = csi.CreateVolumeRequest(
        name=f"e2e-{uuid.uuid4().hex[:8]}",
        volume_capabilities=[CAPABILITY],
        parameters={"type": "fast"},
        accessibility_requirements=requirement,
    )
    controller = OwnController(tmp_path)
    controller.configure(section(cloud), f"[BlockStorage]\nignore-volume-az = {str(ignored).lower()}\n")
    with controller.running(), controller.stub() as stub:
        controller.wait_ready()
        if ignored:
            made = stub.CreateVolume(request, timeout=120).volume
            assert made.accessible_topology == requirement.requisite
            stub.DeleteVolume(csi.DeleteVolumeRequest(volume_id=made.volume_id), timeout=120)
        else:
            with pytest.raises(grpc.RpcError) as refused:
                stub.CreateVolume(request, timeout=120)
            assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "no availability zone 'of-nova-alone': known are az1, az2" in refused.value.details()
    assert [each for each in cinder.volumes() if each.name == request.name] == []
