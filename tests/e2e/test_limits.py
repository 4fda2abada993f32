# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many volumes a node takes. The lab's Nova gives a server 16 disks, its own included."""

from __future__ import annotations

import json

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes, on_node
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

DISKS = 16
OWN = 1
OTHER, NODE = "node1", "node2"
#: Seconds for some thirty attachments of one server, which Nova makes one after the other.
PATIENCE = 400


def driver_on(node):
    return objects.node_driver(node, objects.DRIVER)


def limit_of(node):
    return driver_on(node)["allocatable"]["count"]


@pytest.fixture
def volume_of_the_machine(cinder, compute):
    """A volume that somebody attached to the node and mounted there, without Kubernetes."""
    server = driver_on(NODE)["nodeID"]
    volume = cinder.create_volume(name="machine", size=1, volume_type="fast")
    cinder.wait_for_status(volume, "available", interval=0.3, wait=60)
    compute.create_volume_attachment(server, volume_id=volume.id)
    cinder.wait_for_status(volume, "in-use", interval=0.3, wait=60)
    disk = f"/dev/$(basename $(dirname $(grep -l '^{volume.id[:20]}' /sys/block/*/serial)))"
    on_node(NODE[-1], f"disk={disk}; mkfs.ext4 -q $disk && mkdir -p /mnt/machine && mount $disk /mnt/machine")
    yield volume
    on_node(NODE[-1], "umount /mnt/machine; rmdir /mnt/machine")
    compute.delete_volume_attachment(server, volume.id)
    cinder.wait_for_status(volume, "available", interval=0.3, wait=60)
    cinder.delete_volume(volume)


def test_a_node_takes_what_its_own_disks_leave():
    # Another test may just have had a disk of its own there, and the kubelet asks once a minute.
    assert becomes(lambda: limit_of(OTHER) == DISKS - OWN), limit_of(OTHER)


@pytest.mark.alone
def test_a_disk_of_the_machines_takes_a_place(volume_of_the_machine):
    assert becomes(lambda: limit_of(NODE) == DISKS - OWN - 1), limit_of(NODE)


@pytest.mark.alone
def test_the_place_comes_back():
    assert becomes(lambda: limit_of(NODE) == DISKS - OWN), limit_of(NODE)


@pytest.fixture
def claims(namespace, cluster_wide):
    """As many claims of raw devices as a node takes, and two more; gone at the end, with their volumes."""
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    names = [f"v{number}" for number in range(limit_of(NODE) + 2)]
    objects.apply(*(objects.claim(namespace, name, namespace, volumeMode="Block") for name in names))
    yield names
    for kind in ("pods", "pvc"):
        kubectl("delete", kind, "--all", "--namespace", namespace, "--wait=false")
    assert becomes(lambda: not claims_of(namespace), PATIENCE)


def claims_of(namespace):
    found = json.loads(kubectl("get", "pv", "-o", "json"))["items"]
    return [each for each in found if each["spec"]["claimRef"]["namespace"] == namespace]


def phase_of(namespace, name):
    return objects.get("pod", name, namespace)["status"]["phase"]


@pytest.mark.alone
def test_a_full_node_refuses_and_the_scheduler_takes_the_other(namespace, claims):
    *many, pinned, free = claims
    devices = {f"/dev/{name}": name for name in many}
    objects.apply(objects.pod(namespace, "full", devices=devices, nodeName=NODE))
    assert becomes(lambda: phase_of(namespace, "full") == "Running", PATIENCE)

    objects.apply(
        objects.pod(namespace, "pinned", devices={"/dev/data": pinned}, nodeName=NODE),
        objects.pod(namespace, "free", devices={"/dev/data": free}),
    )
    assert becomes(lambda: objects.get("pod", "free", namespace)["spec"].get("nodeName")) == OTHER
    assert_says(lambda: objects.told(namespace, "FailedAttachVolume"), "ResourceExhausted")
    # A place is taken when there is one; a pod that waits for it for two minutes has failed for good.
    kubectl("delete", "pod", "full", "--namespace", namespace, "--wait=false")
    assert becomes(lambda: phase_of(namespace, "pinned") == "Running", PATIENCE)
    objects.wait_ready(namespace, "free")


def capacities_of(class_name):
    found = json.loads(kubectl("get", "csistoragecapacities", "--all-namespaces", "-o", "json"))["items"]
    return [each["capacity"] for each in found if each["storageClassName"] == class_name]


def test_the_scheduler_knows_what_each_class_can_provision():
    # Nothing of type slow can be made in the nodes' zone.
    assert set(capacities_of("slow")) == {"0"}
    assert capacities_of("fast")
    assert "0" not in capacities_of("fast")


def test_the_capacity_of_a_class_that_names_a_filesystem(namespace, cluster_wide):
    parameters = {"type": "fast", "csi.storage.k8s.io/fstype": "ext4"}
    cluster_wide(objects.storage_class(namespace, parameters, volumeBindingMode="WaitForFirstConsumer"))
    assert becomes(lambda: capacities_of(namespace))
    assert "0" not in capacities_of(namespace)
