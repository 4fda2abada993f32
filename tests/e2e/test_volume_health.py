# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node says of a volume whose filesystem is damaged.

Kubernetes shows a volume's condition with the feature gate CSIVolumeHealth alone, which is off in the lab: so
the node's driver is asked itself, by the calls of kubelets with that gate and of CSI 1.13.
"""

from __future__ import annotations

import json

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import on_node
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

NODE = "node1"
#: Runs in the node's driver container; told the volume and the path where a pod has it.
ASK = """
import json, sys, grpc
from google.protobuf.json_format import MessageToDict
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi, csi_pb2_grpc
volume, path = sys.argv[1:]
with grpc.insecure_channel("unix:///csi/csi.sock") as channel:
    node = csi_pb2_grpc.NodeStub(channel)
    stats = node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(volume_id=volume, volume_path=path))
    health = node.NodeGetVolumeHealth(
        csi.NodeGetVolumeHealthRequest(volume_id=volume, volume_publish_path=path)
    )
    print(json.dumps([MessageToDict(stats)["volumeCondition"], MessageToDict(health)["volumeHealth"]]))
"""


def asked(namespace):
    """What the node says of the volume of the claim ``data`` of the pod ``user``: condition, and health."""
    uid = objects.get("pod", "user", namespace)["metadata"]["uid"]
    bound = objects.get("pvc", "data", namespace)["spec"]["volumeName"]
    path = f"/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~csi/{bound}/mount"
    of_node = ["-l", "app=csi-cinder-nodeplugin", f"--field-selector=spec.nodeName={NODE}"]
    driver = kubectl("get", "pods", "-n", "kube-system", *of_node, "-o", "name").strip()
    question = ["python3", "-c", ASK, objects.volume_id(namespace, "data"), path]
    return json.loads(kubectl("exec", "-n", "kube-system", driver, "--", *question))


def test_a_damaged_filesystem_is_told(namespace, cluster_wide):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "data", namespace),
        objects.pod(namespace, "user", {"/data": "data"}, nodeName=NODE),
    )
    objects.wait_ready(namespace, "user")
    condition, health = asked(namespace)
    assert "abnormal" not in condition
    assert "healthStatuses" not in health

    device = objects.run(namespace, "user", "awk '$2 == \"/data\" {print $1}' /proc/mounts").strip()
    damage = f"echo damaged >/sys/fs/ext4/{device.removeprefix('/dev/')}/trigger_fs_error"
    on_node("1", damage)

    condition, health = asked(namespace)
    assert condition["abnormal"]
    assert "ext4" in condition["message"]
    [problem] = health["healthStatuses"]
    assert problem["reason"] in ("FilesystemErrors", "FilesystemReadOnly")
    objects.delete("pod", "user", namespace)
