# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node loses its power: its volume stays where it is until Kubernetes gives the node up, then moves."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes, on_node
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

#: Seconds for which a volume is watched that must not leave its node: some turns of Kubernetes' controllers.
WATCHED = 15
TAINT = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
#: The controller must outlive the node.
OTHER, NODE = "node1", "node2"
NODE_DRIVER = ["--namespace", "kube-system", "--selector", "app=csi-cinder-nodeplugin"]


def power(action):
    number = NODE.removeprefix("node")
    subprocess.run([LAB / "bin" / "node-power", action, number], check=True, timeout=60)


def node_is(status):
    found = objects.get("node", NODE)["status"]["conditions"]
    return next(each["status"] for each in found if each["type"] == "Ready") == status


def node_driver():
    """The node's driver pod."""
    pods = json.loads(kubectl("get", "pods", *NODE_DRIVER, "-o", "json"))["items"]
    return next((pod for pod in pods if pod["spec"].get("nodeName") == NODE), None)


def driver_is_ready():
    pod = node_driver()
    conditions = pod["status"].get("conditions", []) if pod else []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def pod_runs(namespace, name):
    return objects.get("pod", name, namespace)["status"]["phase"] == "Running"


def mounts_in_node():
    """What is mounted in the node below the kubelet's folder of our driver."""
    script = "grep -c plugins/kubernetes.io/csi/cinder.csi /proc/self/mountinfo || true"
    return int(on_node(NODE.removeprefix("node"), script))


def bring_back():
    """Power on, a node that is Ready and not given up, and a driver on it that serves."""
    power("on")
    kubectl("wait", f"node/{NODE}", "--for=condition=Ready", "--timeout=110s")
    taints = objects.get("node", NODE)["spec"].get("taints", [])
    if TAINT.split("=", maxsplit=1)[0] in {each["key"] for each in taints}:
        kubectl("taint", "node", NODE, f"{TAINT}-")
    assert becomes(driver_is_ready, 90), "the node's driver does not come back"


@pytest.fixture
def node():
    """The node whose power is cut. It is whole again at the end."""
    controller = json.loads(
        kubectl(
            "get", "pods", "--namespace", "kube-system", "-o", "json", "-l", "app=csi-cinder-controllerplugin"
        )
    )["items"][0]
    if controller["spec"]["nodeName"] == NODE:
        kubectl("cordon", NODE)
        objects.delete("pod", controller["metadata"]["name"], "kube-system")
        kubectl(
            "rollout",
            "status",
            "deployment/csi-cinder-controllerplugin",
            "--namespace",
            "kube-system",
            "--timeout=90s",
        )
        kubectl("uncordon", NODE)
    yield NODE
    bring_back()


def holders(cinder, volume):
    """The servers that have a volume."""
    return [each["server_id"] for each in cinder.get_volume(volume).attachments]


@pytest.mark.alone
def test_a_volume_leaves_a_dead_node_when_kubernetes_says_so(cinder, cluster_wide, namespace, node):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "data", namespace),
        objects.pod(namespace, "before", {"/data": "data"}, nodeName=node),
    )
    objects.wait_ready(namespace, "before")
    written = objects.run(
        namespace, "before", "head -c 4194304 /dev/urandom >/data/file && sync && sha256sum /data/file"
    )
    volume = objects.volume_id(namespace, "data")
    [holder] = holders(cinder, volume)

    power("off")
    objects.apply(objects.pod(namespace, "after", {"/data": "data"}, nodeName=OTHER))
    assert becomes(lambda: not node_is("True"), 90), "the cluster does not notice that the node is dead"
    kubectl("delete", "pod", "before", "--namespace", namespace, "--wait=false")
    # Kubernetes has not given the node up: for all that is known, it may still write.
    assert not becomes(lambda: holders(cinder, volume) != [holder], WATCHED), holders(cinder, volume)
    assert objects.get("pod", "after", namespace)["status"]["phase"] == "Pending"

    kubectl("taint", "node", node, TAINT)
    # Its controllers look at dead nodes and their pods about once a minute.
    assert becomes(lambda: pod_runs(namespace, "after"), 200), "the volume does not come to the other node"
    assert objects.run(namespace, "after", "sha256sum /data/file") == written
    assert cinder.get_volume(volume).status == "in-use"
    [now] = holders(cinder, volume)
    assert now != holder

    bring_back()
    assert mounts_in_node() == 0
    # The node serves volumes again.
    objects.delete("pod", "after", namespace)
    objects.apply(objects.pod(namespace, "back", {"/data": "data"}, nodeName=node))
    objects.wait_ready(namespace, "back")
    assert objects.run(namespace, "back", "sha256sum /data/file") == written
