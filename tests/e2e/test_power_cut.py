# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node loses its power: its volumes stay where they are until Kubernetes gives the node up, then move.

One volume is attached by Nova, one by a second driver through Cinder.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, second_driver
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes, on_node
from ansible_collections.mooring.storage.tests.e2e.iscsi import sessions
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

#: Seconds for which a volume is watched that must not leave its node: some turns of Kubernetes' controllers.
WATCHED = 15
TAINT = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
#: The second driver: its name, and its nodes' HTTP port.
CUT = ("cut", 19813)
#: The controller must outlive the node.
OTHER, NODE = "node1", "node2"
PART_OF = "app in (csi-cinder-{0}plugin, csi-cut-{0}plugin)"
READ = "sha256sum /nova/file /cinder/file"
WRITE = "for at in nova cinder; do head -c 4194304 /dev/urandom >/$at/file; done && sync && " + READ


def power(action):
    number = NODE.removeprefix("node")
    subprocess.run([LAB / "bin" / "node-power", action, number], check=True, timeout=120)


def node_is(status):
    found = objects.get("node", NODE)["status"]["conditions"]
    return next(each["status"] for each in found if each["type"] == "Ready") == status


def pods_of(part):
    """The pods of both drivers' controllers, or of their nodes."""
    selected = ["--namespace", "kube-system", "--selector", PART_OF.format(part)]
    return json.loads(kubectl("get", "pods", *selected, "-o", "json"))["items"]


def drivers_are_ready():
    pods = [pod for pod in pods_of("node") if pod["spec"].get("nodeName") == NODE]
    ready = [
        any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in pod["status"].get("conditions", [])
        )
        for pod in pods
    ]
    return len(ready) == 2 and all(ready)


def pod_runs(namespace, name):
    return objects.get("pod", name, namespace)["status"]["phase"] == "Running"


def mounted_in_node():
    """What is mounted in the node below the kubelet's folders of the drivers."""
    listed = "grep -E 'plugins/kubernetes.io/csi/(cinder|cut).csi' /proc/self/mountinfo || true"
    return on_node(NODE.removeprefix("node"), listed)


def bring_back():
    """Power on, a node that is Ready and not given up, and a driver on it that serves."""
    power("on")
    kubectl("wait", f"node/{NODE}", "--for=condition=Ready", "--timeout=300s")
    taints = objects.get("node", NODE)["spec"].get("taints", [])
    if TAINT.split("=", maxsplit=1)[0] in {each["key"] for each in taints}:
        kubectl("taint", "node", NODE, f"{TAINT}-")
    assert becomes(drivers_are_ready, 300), "the node's drivers do not come back"


@pytest.fixture(scope="module")
def driver(second_account, tmp_path_factory):
    """A driver that attaches through Cinder."""
    folder = tmp_path_factory.mktemp("cut")
    with second_driver.installed_through_cinder(folder, *CUT, second_account) as name:
        yield name


@pytest.fixture
def node(driver):
    """The node whose power is cut. It is whole again at the end."""
    kubectl("cordon", NODE)
    for pod in pods_of("controller"):
        if pod["spec"]["nodeName"] == NODE:
            objects.delete("pod", pod["metadata"]["name"], "kube-system")
    for name in ("cinder", "cut"):
        of = f"deployment/csi-{name}-controllerplugin"
        kubectl("rollout", "status", of, "--namespace", "kube-system", "--timeout=300s")
    kubectl("uncordon", NODE)
    yield NODE
    bring_back()


@pytest.fixture
def volumes(namespace, cluster_wide, iscsi_class, driver, cinder, second_project):
    """Claims of both drivers. Gives what reads their volumes."""
    by_nova = f"{namespace}-nova"
    cluster_wide(objects.storage_class(by_nova, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "nova", by_nova), objects.claim(namespace, "cinder", iscsi_class(driver))
    )
    ids = {name: objects.wait_bound(namespace, name) for name in ("nova", "cinder")}
    clouds = {"nova": cinder, "cinder": second_project.block_storage}
    return lambda: [clouds[name].get_volume(volume) for name, volume in ids.items()]


def holders(volumes):
    """Who has each volume: a server, or a node by its connector."""
    return [[each["server_id"] or each["device"] for each in volume.attachments] for volume in volumes()]


def user(namespace, name, node):
    return objects.pod(namespace, name, {"/nova": "nova", "/cinder": "cinder"}, nodeName=node)


@pytest.mark.alone
def test_volumes_leave_a_dead_node_when_kubernetes_says_so(
    namespace, volumes, node, second_account, tmp_path
):
    objects.apply(user(namespace, "before", node))
    objects.wait_ready(namespace, "before")
    written = objects.run(namespace, "before", WRITE)
    before = holders(volumes)
    assert [len(each) for each in before] == [1, 1]

    power("off")
    objects.apply(user(namespace, "after", OTHER))
    assert becomes(lambda: not node_is("True"), 200), "the cluster does not notice that the node is dead"
    kubectl("delete", "pod", "before", "--namespace", namespace, "--wait=false")
    # Kubernetes has not given the node up: for all that is known, it may still write.
    assert not becomes(lambda: holders(volumes) != before, WATCHED), holders(volumes)
    assert objects.get("pod", "after", namespace)["status"]["phase"] == "Pending"

    # A dead node holds up no installation.
    role = second_driver.role_of(*CUT, second_account, **second_driver.THROUGH_CINDER)
    assert f"Not waited for, as they are down: {node}." in second_driver.run(tmp_path, role)

    kubectl("taint", "node", node, TAINT)
    # Its controllers look at dead nodes and their pods about once a minute.
    assert becomes(lambda: pod_runs(namespace, "after"), 400), "the volumes do not come to the other node"
    assert objects.run(namespace, "after", READ) == written
    assert [volume.status for volume in volumes()] == ["in-use", "in-use"]
    assert all(len(now) == 1 and now != then for now, then in zip(holders(volumes), before, strict=True))

    bring_back()
    assert mounted_in_node() == ""
    assert not sessions(NODE.removeprefix("node"), objects.volume_id(namespace, "cinder"))
    # The node serves volumes again.
    objects.delete("pod", "after", namespace)
    objects.apply(user(namespace, "back", node))
    objects.wait_ready(namespace, "back")
    assert objects.run(namespace, "back", READ) == written
