# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a volume at the same time: pods on two nodes, and pods on one."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.shared_device import two_nodes_write
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl


@pytest.fixture
def multiattach(cluster_wide, namespace):
    """A class of the type whose volumes several servers can have."""
    cluster_wide(objects.storage_class(namespace, {"type": "multi"}))
    return namespace


def test_two_nodes_write_to_one_raw_device(namespace, multiattach):
    two_nodes_write(namespace, multiattach)


def test_a_filesystem_for_several_writers_is_refused_with_the_reason(namespace, multiattach):
    objects.apply(objects.claim(namespace, "shared", multiattach, accessModes=["ReadWriteMany"]))
    assert becomes(
        lambda: "corrupted when several nodes write" in objects.told(namespace, "ProvisioningFailed")
    )


def test_a_type_without_multiattach_is_refused_with_the_reason(namespace, cluster_wide):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "shared", namespace, accessModes=["ReadWriteMany"], volumeMode="Block")
    )
    assert becomes(lambda: "multiattach='<is> True'" in objects.told(namespace, "ProvisioningFailed"))


@pytest.fixture
def readers_of(namespace):
    """Makes the claim ``readers`` of a volume that is there, for reading on several nodes."""
    name = f"{namespace}-readers"

    def make(volume):
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadOnlyMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "csi": {"driver": objects.DRIVER, "volumeHandle": volume, "readOnly": True, "fsType": "ext4"},
        }
        objects.apply(
            {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec},
            objects.claim(namespace, "readers", "", accessModes=["ReadOnlyMany"], volumeName=name),
        )

    yield make
    kubectl("delete", "pods,pvc", "--all", "--namespace", namespace)
    objects.delete("pv", name)


def test_two_nodes_read_one_filesystem(namespace, multiattach, readers_of):
    objects.apply(
        objects.claim(namespace, "written", multiattach),
        objects.pod(namespace, "writer", mounts={"/data": "written"}, nodeName="node1"),
    )
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", "echo once >/data/file")
    volume = objects.volume_id(namespace, "written")
    objects.delete("pod", "writer", namespace)

    readers_of(volume)
    nodes = ("node1", "node2")
    objects.apply(*(objects.pod(namespace, n, mounts={"/data": "readers"}, nodeName=n) for n in nodes))
    for node in nodes:
        objects.wait_ready(namespace, node)
    for node in nodes:
        assert objects.run(namespace, node, "cat /data/file") == "once\n"
        assert "Read-only" in objects.run(namespace, node, "echo twice 2>&1 >/data/file || true")
        # The kernel's word for noload.
        assert "norecovery" in objects.run(namespace, node, "grep ' /data ' /proc/mounts")


def test_a_claim_for_readers_is_made_of_a_volume_that_was_written(namespace, multiattach, cinder):
    objects.apply(
        objects.claim(namespace, "written", multiattach),
        objects.pod(namespace, "writer", mounts={"/data": "written"}),
    )
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", "echo once >/data/file")
    objects.delete("pod", "writer", namespace)
    volume = objects.volume_id(namespace, "written")
    assert becomes(lambda: cinder.get_volume(volume).status == "available")

    origin = {"kind": "PersistentVolumeClaim", "name": "written"}
    nodes = ("node1", "node2")
    objects.apply(
        objects.claim(namespace, "readers", multiattach, accessModes=["ReadOnlyMany"], dataSource=origin),
        *(objects.pod(namespace, n, mounts={"/data": "readers"}, nodeName=n) for n in nodes),
    )
    for node in nodes:
        objects.wait_ready(namespace, node)
        assert objects.run(namespace, node, "cat /data/file") == "once\n"
        assert "Read-only" in objects.run(namespace, node, "echo twice 2>&1 >/data/file || true")
    assert len(cinder.get_volume(objects.volume_id(namespace, "readers")).attachments) == len(nodes)
    for node in nodes:
        objects.delete("pod", node, namespace)


def test_one_pod_has_a_volume_for_one_pod(namespace, cluster_wide):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "alone", namespace, accessModes=["ReadWriteOncePod"]),
        objects.pod(namespace, "first", mounts={"/data": "alone"}, nodeName="node1"),
    )
    objects.wait_ready(namespace, "first")
    # Not through the scheduler, which would keep it back: the node has to refuse.
    objects.apply(objects.pod(namespace, "second", mounts={"/data": "alone"}, nodeName="node1"))
    refusal = "uses the ReadWriteOncePod access mode and is already in use by another pod"
    assert becomes(lambda: refusal in objects.told(namespace, "FailedMount")), objects.told(
        namespace, "FailedMount"
    )
    objects.apply(objects.pod(namespace, "third", mounts={"/data": "alone"}))
    refusal = "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
    assert becomes(lambda: refusal in objects.told(namespace, "FailedScheduling"))
    objects.delete("pod", "third", namespace)
    objects.delete("pod", "first", namespace)
    objects.wait_ready(namespace, "second")


def test_pods_of_one_node_share_a_volume_and_their_group_owns_it(namespace, cluster_wide):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    context = {"runAsUser": 1000, "fsGroup": 2000}
    objects.apply(objects.claim(namespace, "shared", namespace))
    for pod in ("first", "second"):
        objects.apply(
            objects.pod(namespace, pod, {"/data": "shared"}, nodeName="node1", securityContext=context)
        )
    for pod in ("first", "second"):
        objects.wait_ready(namespace, pod)
        objects.run(namespace, pod, f"echo {pod} >>/data/file")
    assert objects.run(namespace, "first", "cat /data/file; stat -c %g /data/file") == "first\nsecond\n2000\n"
