# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller killed with SIGKILL while it makes volumes and while it deletes them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes, claimed, on_node
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

pytestmark = pytest.mark.alone

CLAIMS = 20
#: How many are made or deleted when the controller is killed: others are under way then.
FIRST = 3


class Driver:
    """The driver's process of the controller, as it is now."""

    def __init__(self):
        pods = json.loads(
            kubectl(
                *("get", "pods", "--namespace", "kube-system"),
                *("--selector", "app=csi-cinder-controllerplugin"),
                *("--field-selector", "status.phase=Running", "-o", "json"),
            )
        )["items"]
        [pod] = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        [driver] = [each for each in pod["status"]["containerStatuses"] if each["name"] == "driver"]
        self.restarts = driver["restartCount"]
        self._node = pod["spec"]["nodeName"].removeprefix("node")
        container = driver["containerID"].removeprefix("containerd://")
        found = on_node(self._node, f"grep -ls {container} /proc/[0-9]*/cgroup || true").split()
        [process] = [Path(path).parent.name for path in found]
        # Waits on the node: what is to be interrupted may have ended before a new shell has begun.
        self._killer = subprocess.Popen(
            [LAB / "bin" / "node-shell", self._node, "-c", f"read dummy; kill -KILL {process}"],
            stdin=subprocess.PIPE,
        )

    def kill(self):
        """End it as the kernel's out-of-memory killer would."""
        self._killer.communicate(b"\n", timeout=120)
        assert self._killer.returncode == 0


def kept(namespace):
    """The PersistentVolumes of a class that are still there."""
    volumes = json.loads(kubectl("get", "pv", "-o", "json"))["items"]
    return [each["metadata"]["name"] for each in volumes if each["spec"].get("storageClassName") == namespace]


def all_bound(namespace):
    claims = json.loads(kubectl("get", "pvc", "--namespace", namespace, "-o", "json"))["items"]
    return all(each["status"]["phase"] == "Bound" for each in claims)


def restarts():
    pods = json.loads(
        kubectl(
            *("get", "pods", "--namespace", "kube-system", "--selector", "app=csi-cinder-controllerplugin"),
            *("-o", "json"),
        )
    )["items"]
    statuses = [each for pod in pods for each in pod["status"].get("containerStatuses", [])]
    return max((each["restartCount"] for each in statuses if each["name"] == "driver"), default=0)


def test_a_killed_controller_leaves_none_too_many_and_none_too_few(namespace, cluster_wide, cinder):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    names = [f"c{number}" for number in range(CLAIMS)]
    driver = Driver()
    objects.apply(*[objects.claim(namespace, name, namespace) for name in names])
    assert becomes(lambda: len(claimed(cinder, namespace)) >= FIRST)
    driver.kill()
    assert not all_bound(namespace)
    made = {objects.wait_bound(namespace, name) for name in names}
    assert claimed(cinder, namespace) == made
    assert len(made) == CLAIMS
    assert {volume.status for volume in cinder.volumes() if volume.id in made} == {"available"}

    assert becomes(lambda: restarts() > driver.restarts)
    driver = Driver()
    kubectl("delete", "pvc", "--namespace", namespace, "--all", "--wait=false")
    assert becomes(lambda: len(claimed(cinder, namespace)) <= CLAIMS - FIRST)
    driver.kill()
    assert kept(namespace)
    assert becomes(lambda: not claimed(cinder, namespace), 300), claimed(cinder, namespace)
    # Kubernetes waits longer before each start of a container that ends again and again, the sidecars' too.
    assert becomes(lambda: not kept(namespace), 400), kept(namespace)
    assert becomes(lambda: restarts() > driver.restarts)
