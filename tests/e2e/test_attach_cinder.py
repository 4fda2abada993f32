# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods on nodes that no Nova knows: Cinder exports their volumes by iSCSI, and the nodes connect.

A second driver does it, beside the lab's own, in a project of OpenStack that has no server at all.
"""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, second_driver, snapshots
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes, on_node
from ansible_collections.mooring.storage.tests.e2e.driver_calls import ask, node_driver_on
from ansible_collections.mooring.storage.tests.e2e.iscsi import READ, WRITE, grow_and_move, sessions
from ansible_collections.mooring.storage.tests.e2e.shared_device import read, two_nodes_write
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl


@pytest.fixture(scope="module")
def driver(second_account, tmp_path_factory):
    """A driver that attaches through Cinder."""
    folder = tmp_path_factory.mktemp("iscsi")
    with second_driver.installed_through_cinder(folder, "iscsi", 19809, second_account) as name:
        yield name


@pytest.fixture
def storage(iscsi_class, driver):
    return iscsi_class(driver)


def test_a_volume_grows_in_use_and_moves_to_the_other_node(storage, namespace, second_project):
    objects.apply(objects.claim(namespace, "data", storage))
    volume = objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName="node1"))
    objects.wait_ready(namespace, "writer")
    checksum = objects.run(namespace, "writer", WRITE)
    [attachment] = second_project.block_storage.get_volume(volume).attachments
    assert not attachment["server_id"]
    assert sessions("1", volume)

    assert grow_and_move(namespace, "data", READ) == checksum
    assert not sessions("1", volume)
    assert sessions("2", volume)


def test_a_raw_device_is_that_of_the_volume(storage, namespace):
    objects.apply(
        objects.claim(namespace, "raw", storage, volumeMode="Block"),
        objects.pod(namespace, "user", devices={"/dev/volume": "raw"}),
    )
    objects.wait_ready(namespace, "user")
    assert objects.run(namespace, "user", "blockdev --getsize64 /dev/volume").strip() == str(1024**3)
    written = (
        "echo kept | dd of=/dev/volume conv=fsync 2>/dev/null; dd if=/dev/volume bs=5 count=1 2>/dev/null"
    )
    assert objects.run(namespace, "user", written) == "kept\n"


def test_two_nodes_share_a_raw_device_until_both_have_left(
    storage, namespace, cluster_wide, driver, second_project
):
    name = f"{namespace}-multi"
    cluster_wide(objects.storage_class(name, {"type": "iscsi-multi"}, provisioner=driver))
    two_nodes_write(namespace, name)
    volume = objects.volume_id(namespace, "shared")
    assert len(second_project.block_storage.get_volume(volume).attachments) == 2

    objects.delete("pod", "node1", namespace)
    assert becomes(lambda: not sessions("1", volume))
    assert read(namespace, "node2", 0) == "from node1"
    objects.delete("pod", "node2", namespace)
    assert becomes(lambda: second_project.block_storage.get_volume(volume).status == "available")
    assert not sessions("2", volume)


def test_a_clone_and_a_restored_snapshot_have_the_data(storage, namespace, cluster_wide, driver):
    objects.apply(
        objects.claim(namespace, "data", storage),
        objects.pod(namespace, "writer", {"/data": "data"}, nodeName="node1"),
    )
    objects.wait_ready(namespace, "writer")
    checksum = objects.run(namespace, "writer", f"{WRITE}; sync")
    cluster_wide(snapshots.snapshot_class(namespace, driver=driver))
    snapshots.take(namespace, "taken", namespace, "data")
    sources = {
        "clone": {"kind": "PersistentVolumeClaim", "name": "data"},
        "restored": snapshots.content_of("taken"),
    }
    for name, source in sources.items():
        objects.apply(
            objects.claim(namespace, name, storage, dataSource=source),
            objects.pod(namespace, name, {"/data": name}, nodeName="node2"),
        )
    for name in sources:
        objects.wait_ready(namespace, name)
        assert objects.run(namespace, name, READ) == checksum
        objects.delete("pod", name, namespace)
        objects.delete("pvc", name, namespace)
    objects.delete("volumesnapshot", "taken", namespace)
    objects.delete("pod", "writer", namespace)


def test_a_node_encrypts_what_it_connects_to(storage, namespace, encrypted_class, driver):
    name = encrypted_class("over-iscsi", "correct horse battery staple", "iscsi", provisioner=driver)
    objects.apply(
        objects.claim(namespace, "secret", name),
        objects.pod(namespace, "writer", {"/data": "secret"}, nodeName="node1"),
    )
    objects.wait_ready(namespace, "writer")
    source = objects.device_of(namespace, "writer")
    assert source.startswith("/dev/mapper/"), source
    objects.run(namespace, "writer", "echo kept >/data/file")
    volume = objects.volume_id(namespace, "secret")

    assert grow_and_move(namespace, "secret", "cat /data/file") == "kept\n"
    assert not sessions("1", volume)
    objects.delete("pod", "reader", namespace)


def test_a_disk_that_does_not_work_is_told(storage, namespace):
    objects.apply(
        objects.claim(namespace, "data", storage),
        objects.pod(namespace, "user", {"/data": "data"}, nodeName="node1"),
    )
    objects.wait_ready(namespace, "user")
    disk = objects.device_of(namespace, "user").removeprefix("/dev/")
    node = node_driver_on("node1", "csi-iscsi-nodeplugin")

    def problems():
        """What is told of that disk: those of other tests come and go."""
        told = ask(node, "Node.NodeGetStorageHealth").get("backendHealth", [])
        return [(each["status"], each["reason"]) for each in told if disk in each["message"]]

    assert problems() == []
    on_node("1", f"echo offline >/sys/block/{disk}/device/state")
    assert problems() == [("STORAGE_DEGRADED", "DisksOffline")]
    on_node("1", f"echo running >/sys/block/{disk}/device/state")
    assert problems() == []
    objects.delete("pod", "user", namespace)


def test_no_node_passes_for_another(driver):
    """A node's id is its connector, and an attachment is for whoever has that."""
    other = ["--as=system:node:node2", "--as-group=system:nodes"]
    change = '{"metadata": {"annotations": {"mooring.storage/test": "written"}}}'
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kubectl("patch", "csinode", "node1", "--patch", change, *other)
    assert "forbidden" in refused.value.stderr.lower()


def test_what_a_hypervisor_should_encrypt_is_refused(
    storage, namespace, cluster_wide, driver, second_project
):
    name = f"{namespace}-encrypted"
    cluster_wide(objects.storage_class(name, {"type": "encrypted"}, provisioner=driver))
    objects.apply(objects.claim(namespace, "data", name))
    volume = objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "user", {"/data": "data"}))

    assert_says(
        lambda: objects.told(namespace, "FailedAttachVolume"), "type encrypted, which the hypervisor encrypts"
    )
    assert second_project.block_storage.get_volume(volume).status == "available"
