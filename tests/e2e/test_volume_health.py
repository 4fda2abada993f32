# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver says of a volume that is not well: by CSI 1.13's calls, and by those of older kubelets.

Kubernetes shows a volume's condition with the feature gate CSIVolumeHealth alone, which is off in the lab: so
the driver is asked itself.
"""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes, on_node
from ansible_collections.mooring.storage.tests.e2e.driver_calls import CONTROLLER, ask, node_driver_on

NODE = "node1"


@pytest.fixture
def claim(namespace, cluster_wide):
    """A claim that is bound. Gives its volume's id."""
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(objects.claim(namespace, "data", namespace))
    return objects.wait_bound(namespace, "data")


def told_by_node(namespace, volume):
    """What the node says of the volume of the pod ``user``: its condition, and its health."""
    uid = objects.get("pod", "user", namespace)["metadata"]["uid"]
    bound = objects.get("pvc", "data", namespace)["spec"]["volumeName"]
    path = f"/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~csi/{bound}/mount"
    driver = node_driver_on(NODE)
    stats = ask(driver, "Node.NodeGetVolumeStats", volumeId=volume, volumePath=path)
    health = ask(driver, "Node.NodeGetVolumeHealth", volumeId=volume, volumePublishPath=path)
    return stats["volumeCondition"], health["volumeHealth"]


def test_a_damaged_filesystem_is_told(namespace, claim):
    objects.apply(objects.pod(namespace, "user", {"/data": "data"}, nodeName=NODE))
    objects.wait_ready(namespace, "user")
    condition, health = told_by_node(namespace, claim)
    assert "abnormal" not in condition
    assert "healthStatuses" not in health

    device = objects.device_of(namespace, "user").removeprefix("/dev/")
    damage = f"echo damaged >/sys/fs/ext4/{device}/trigger_fs_error"
    on_node("1", damage)

    assert becomes(lambda: told_by_node(namespace, claim)[0].get("abnormal"))
    condition, health = told_by_node(namespace, claim)
    assert "ext4" in condition["message"]
    [problem] = health["healthStatuses"]
    assert problem["reason"] in ("FilesystemErrors", "FilesystemReadOnly")
    objects.delete("pod", "user", namespace)


def test_a_volume_in_error_is_told_by_the_controller(claim, admin):
    def health():
        return ask(CONTROLLER, "Controller.ControllerGetVolumeHealth", volumeId=claim)["volumeHealth"]

    def ill():
        listed = ask(CONTROLLER, "Controller.ControllerListVolumeHealth")
        return {each["volumeId"]: each["healthStatuses"] for each in listed.get("entries", [])}

    def condition():
        return ask(CONTROLLER, "Controller.ControllerGetVolume", volumeId=claim)["status"]["volumeCondition"]

    assert "healthStatuses" not in health()
    assert claim not in ill()
    assert "abnormal" not in condition()

    admin.reset_volume_status(claim, "error", None, None)
    [problem] = health()["healthStatuses"]
    assert (problem["status"], problem["reason"]) == ("INACCESSIBLE", "VolumeError")
    assert ill()[claim] == [problem]
    assert condition() == {"abnormal": True, "message": problem["message"]}

    admin.reset_volume_status(claim, "available", None, None)
    assert "healthStatuses" not in health()
