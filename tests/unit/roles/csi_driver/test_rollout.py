# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role waits for, and what it says when that does not come."""

from __future__ import annotations

import pytest

CONTROLLER = "csi-cinder-controllerplugin"
NODE = "csi-cinder-nodeplugin"


@pytest.fixture
def node(an_object):
    """Makes a node whose condition Ready has a status."""

    def make(name, ready, **labels):
        made = an_object("Node", name, None)
        made["metadata"]["labels"] = labels
        return made | {"status": {"conditions": [{"type": "Ready", "status": ready}]}}

    return make


@pytest.fixture
def pod(an_object):
    """Makes a pod of the driver on a node."""

    def make(on, ready="True", revision="new", **metadata):
        made = an_object("Pod", f"{NODE}-{on}")
        made["metadata"] |= {"labels": {"app": NODE, "controller-revision-hash": revision}, **metadata}
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
        return made | {"spec": {"nodeName": on}, "status": status}

    return make


@pytest.fixture
def workloads(an_object):
    """A controller, and a DaemonSet that is to run on two nodes, in its second form."""
    nodes = an_object("DaemonSet", NODE)
    nodes["metadata"]["generation"] = 2
    revisions = []
    for number, name in ((2, "new"), (1, "old")):
        revision = an_object("ControllerRevision", name) | {"revision": number}
        revision["metadata"]["labels"] = {"app": NODE, "controller-revision-hash": name}
        revisions.append(revision)
    status = {"observedGeneration": 2, "desiredNumberScheduled": 2}
    return [an_object("Deployment", CONTROLLER), nodes | {"status": status}, *revisions]


@pytest.fixture
def wait(cluster, workloads):
    """Waits for the workloads in a cluster of these nodes and pods."""

    def run(*objects, **variables):
        cluster.holds(*workloads, *objects)
        return cluster.run("csi_driver", "rollout", csi_driver_wait_timeout=2, **variables)

    return run


def test_every_node_is_waited_for(wait, node, pod):
    up = node("a", "True"), node("b", "True")
    ran = wait(*up, pod("a"), pod("b"))
    assert (ran.returncode, "Not waited for" in ran.stdout) == (0, False), ran.stdout
    assert wait(*up, pod("a")).returncode == 2
    assert wait(*up, pod("a"), pod("b", ready="False")).returncode == 2
    assert wait(*up, pod("a"), pod("b", revision="old")).returncode == 2
    assert wait(*up, pod("a"), pod("b", deletionTimestamp="2026-01-01T00:00:00Z")).returncode == 2


@pytest.mark.parametrize("revision", ["old", "new"])
def test_a_node_that_is_down_is_not_waited_for_and_is_named(wait, node, pod, revision):
    down = node("b", "Unknown"), pod("b", "False", revision)
    ran = wait(node("a", "True"), pod("a"), *down)
    assert ran.returncode == 0, ran.stdout
    assert "Not waited for, as they are down: b." in ran.stdout
    assert wait(node("a", "True"), pod("a", revision="old"), *down).returncode == 2


def test_a_node_whose_kubelet_says_that_it_is_not_ready_is_waited_for(wait, node, pod):
    ran = wait(node("a", "True"), node("b", "False"), pod("a"), pod("b", "False"))
    assert ran.returncode == 2
    assert "The driver does not run:" in ran.stdout


def test_a_node_that_is_down_and_should_not_run_the_driver_does_not_count(wait, node, pod):
    ran = wait(node("a", "True"), node("b", "True"), node("other", "Unknown"), pod("a"))
    assert ran.returncode == 2


@pytest.mark.parametrize(
    ("kubelets", "allowed"),
    [(["True"] * 4, "25%"), (["True", "True", "Unknown"], 2), (["True"] * 7 + ["Unknown"], 3)],
)
def test_nodes_that_are_down_hold_up_no_other(cluster, node, kubelets, allowed):
    """They are among the nodes that may be without the driver at the same time."""
    cluster.holds(*(node(f"node{number}", ready) for number, ready in enumerate(kubelets)))
    given = {"csi_driver_cluster": "production", "csi_driver_image": "example.org/driver:1"}
    cloud = {"Global": {"auth-url": "https://keystone.example.org/v3"}}
    ran = cluster.run("csi_driver", **given, csi_driver_cloud_conf=cloud)
    assert ran.returncode == 0, ran.stdout
    [made] = [each for each in cluster.objects() if each["kind"] == "DaemonSet"]
    assert made["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": allowed}


def test_the_reason_is_told(wait, node, pod, an_object):
    container = {"name": "driver", "ready": False, "restartCount": 3, "state": {"running": {}}}
    broken = pod("a", "False", annotations={"log": "the last words"})
    broken["status"]["containerStatuses"] = [container]
    refused = an_object("Event", "refused") | {
        "type": "Warning",
        "involvedObject": {"kind": "ReplicaSet", "name": f"{CONTROLLER}-6f9"},
        "reason": "FailedCreate",
        "message": "exceeded quota",
    }
    ending = pod("b", "False", deletionTimestamp="2026-01-01T00:00:00Z")
    ran = wait(node("a", "True"), node("b", "Unknown"), broken, ending, refused)
    assert ran.returncode == 2
    assert f"Pod {NODE}-b on b: Running, ending, and the node is down" in ran.stdout
    assert "driver: not ready, running, restarted 3 times" in ran.stdout
    assert "the last words" in ran.stdout
    assert f"ReplicaSet {CONTROLLER}-6f9: FailedCreate: exceeded quota" in ran.stdout
    assert "Nodes that are down: b." in ran.stdout
