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
def workloads(an_object):
    """A controller, and a DaemonSet that is to run on two nodes and is ready on so many."""

    def make(ready):
        counts = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": ready}
        nodes = an_object("DaemonSet", NODE)
        nodes["metadata"]["generation"] = 2
        return [an_object("Deployment", CONTROLLER), nodes | {"status": {"observedGeneration": 2, **counts}}]

    return make


@pytest.fixture
def wait(cluster, workloads):
    """Waits for the workloads in a cluster of these nodes and further objects."""

    def run(*objects, running=1, **variables):
        cluster.holds(*workloads(running), *objects)
        return cluster.run("csi_driver", "rollout", csi_driver_wait_timeout=2, **variables)

    return run


def test_a_node_that_is_down_is_not_waited_for_and_is_named(wait, node):
    ran = wait(node("a", "True"), node("b", "Unknown"))
    assert ran.returncode == 0, ran.stdout
    assert "Not waited for, as they are down: b." in ran.stdout


@pytest.mark.parametrize("ready", ["True", "False"])
def test_a_node_whose_kubelet_works_is_waited_for(wait, node, ready):
    ran = wait(node("a", "True"), node("b", ready))
    assert ran.returncode == 2
    assert "The driver does not run:" in ran.stdout


def test_a_node_that_the_driver_does_not_run_on_does_not_count(wait, node):
    storage = {"storage": "cinder"}
    nodes = [node("a", "True", **storage), node("b", "True", **storage), node("other", "Unknown")]
    ran = wait(*nodes, csi_driver_node_selector=storage)
    assert ran.returncode == 2
    assert "without the driver while" not in ran.stdout


def test_the_reason_is_told(wait, node, an_object):
    pod = an_object("Pod", f"{NODE}-x")
    pod["metadata"]["labels"] = {"app": NODE}
    container = {"name": "driver", "ready": False, "restartCount": 3, "state": {"running": {}}}
    pod |= {"spec": {"nodeName": "b"}, "status": {"phase": "Running", "containerStatuses": [container]}}
    pod["metadata"]["annotations"] = {"log": "the last words"}
    refused = an_object("Event", "refused") | {
        "type": "Warning",
        "involvedObject": {"kind": "ReplicaSet", "name": f"{CONTROLLER}-6f9"},
        "reason": "FailedCreate",
        "message": "exceeded quota",
    }
    ran = wait(node("a", "True"), node("b", "Unknown"), pod, refused, running=0)
    assert ran.returncode == 2
    assert f"Pod {NODE}-x on b: Running, and the node is down" in ran.stdout
    assert "driver: not ready, running, restarted 3 times" in ran.stdout
    assert "the last words" in ran.stdout
    assert f"ReplicaSet {CONTROLLER}-6f9: FailedCreate: exceeded quota" in ran.stdout
    assert "without the driver while it is changed: b" in ran.stdout
