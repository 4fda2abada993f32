# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster in two zones: claims follow their pods, and pods follow their volumes."""

from __future__ import annotations

import json

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

# Its node must have none of the volumes of other tests.
pytestmark = pytest.mark.alone

ZONE = "topology.cinder.csi.openstack.org/zone"
NODES = {"az1": "node1", "az2": "node2"}


def move(node, zone):
    """Have Nova's metadata name another zone to a node, and its driver begin anew.

    The kubelet takes no other value for a label that is there.
    """
    file = LAB / "nova" / "metadata.json"
    servers = json.loads(file.read_text())
    [server] = [each["metadata"] for each in servers if each["metadata"]["name"] == node]
    server["availability_zone"] = zone
    part = file.with_suffix(".part")
    part.write_text(json.dumps(servers, indent=2))
    part.rename(file)
    kubectl("label", "node", node, f"{ZONE}-")
    driver = ["--namespace", "kube-system", "--selector", "app=csi-cinder-nodeplugin"]
    kubectl("delete", "pod", *driver, "--field-selector", f"spec.nodeName={node}")
    assert becomes(lambda: objects.get("node", node)["metadata"]["labels"].get(ZONE) == zone)


@pytest.fixture(scope="module", autouse=True)
def zones():
    """The second node in the zone az2, where Cinder has a back end."""
    move(NODES["az2"], "az2")
    yield
    move(NODES["az2"], "az1")


@pytest.fixture
def anywhere(namespace, cluster_wide):
    """A class whose type has back ends in both zones."""
    cluster_wide(
        objects.storage_class(namespace, {"type": "__DEFAULT__"}, volumeBindingMode="WaitForFirstConsumer")
    )
    return namespace


@pytest.mark.parametrize("zone", NODES)
def test_a_volume_is_made_in_the_zone_of_the_node_that_the_scheduler_chose(namespace, anywhere, cinder, zone):
    on_the_node = {"kubernetes.io/hostname": NODES[zone]}
    objects.apply(
        objects.claim(namespace, "data", anywhere),
        objects.pod(namespace, "user", {"/data": "data"}, nodeSelector=on_the_node),
    )
    objects.wait_ready(namespace, "user")
    assert cinder.get_volume(objects.volume_id(namespace, "data")).availability_zone == zone
    objects.run(namespace, "user", "echo kept >/data/file; sync")
    objects.delete("pod", "user", namespace)

    other = next(node for node in NODES.values() if node != NODES[zone])
    objects.apply(
        objects.pod(
            namespace, "elsewhere", {"/data": "data"}, nodeSelector={"kubernetes.io/hostname": other}
        ),
        objects.pod(namespace, "free", {"/data": "data"}),
    )
    objects.wait_ready(namespace, "free")
    assert objects.get("pod", "free", namespace)["spec"]["nodeName"] == NODES[zone]
    assert objects.run(namespace, "free", "cat /data/file") == "kept\n"
    [condition] = objects.get("pod", "elsewhere", namespace)["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "False")
    assert "PersistentVolume's node affinity" in condition["message"]
    kubectl("delete", "pod", "--all", "--namespace", namespace)


def test_a_pod_goes_to_the_zone_that_its_class_allows(namespace, cluster_wide, cinder):
    cluster_wide(
        objects.storage_class(
            namespace,
            {"type": "__DEFAULT__"},
            volumeBindingMode="WaitForFirstConsumer",
            allowedTopologies=[{"matchLabelExpressions": [{"key": ZONE, "values": ["az2"]}]}],
        )
    )
    objects.apply(
        objects.claim(namespace, "data", namespace), objects.pod(namespace, "user", {"/data": "data"})
    )
    objects.wait_ready(namespace, "user")
    assert objects.get("pod", "user", namespace)["spec"]["nodeName"] == NODES["az2"]
    assert cinder.get_volume(objects.volume_id(namespace, "data")).availability_zone == "az2"
    objects.delete("pod", "user", namespace)
