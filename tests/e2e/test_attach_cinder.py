# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods on nodes that no Nova knows: Cinder exports their volumes by iSCSI, and the nodes connect.

A second driver does it, beside the lab's own, in a project of OpenStack that has no server at all.
"""

from __future__ import annotations

import json
import subprocess

import openstack
import pytest
import yaml

from ansible_collections.mooring.storage.tests.e2e import objects, second_driver
from ansible_collections.mooring.storage.tests.e2e.conftest import LAB, becomes, claimed
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl


@pytest.fixture(scope="module")
def account():
    """The settings of the second driver's user."""
    return yaml.safe_load((LAB / "etc" / "clouds.yaml").read_text())["clouds"]["second"]


@pytest.fixture(scope="module")
def project(account):
    """The cloud, as that user."""
    clouds = str(LAB / "etc" / "clouds.yaml")
    config = openstack.config.OpenStackConfig(config_files=[clouds], load_envvars=False)
    with openstack.connection.Connection(config=config.get_one(cloud="second")) as connection:
        assert list(connection.compute.servers()) == []
        yield connection


@pytest.fixture(scope="module")
def driver(account, tmp_path_factory):
    """A driver that attaches through Cinder."""
    folder = tmp_path_factory.mktemp("iscsi")
    with second_driver.installed(
        folder, "iscsi", 19809, account, csi_driver_attach="cinder", csi_driver_max_disks_per_node=0
    ) as name:
        yield name


@pytest.fixture
def storage(driver, project, namespace, cluster_wide):
    """Its class. Nothing of the namespace's claims may be left in its project."""
    cluster_wide(objects.storage_class(namespace, {"type": "iscsi"}, provisioner=driver))
    yield namespace
    kubectl("delete", "pods,pvc", "--all", "--namespace", namespace, "--timeout=100s")
    found = project.block_storage
    assert becomes(lambda: not claimed(found, namespace)), claimed(found, namespace)
    assert becomes(lambda: not attached(driver)), attached(driver)


def attached(driver):
    """The names of the driver's VolumeAttachments."""
    attachments = json.loads(kubectl("get", "volumeattachments", "-o", "json"))["items"]
    return [each["metadata"]["name"] for each in attachments if each["spec"]["attacher"] == driver]


def sessions(number):
    """The iSCSI targets of Cinder's volumes with which a node has sessions."""
    listed = subprocess.run(
        [LAB / "bin" / "node-shell", number, "-c", "cat /sys/class/iscsi_session/*/targetname"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return listed.stdout.split()


def connected(number, volume):
    return any(volume in target for target in sessions(number))


def test_a_volume_grows_in_use_and_moves_to_the_other_node(storage, namespace, project):
    objects.apply(objects.claim(namespace, "data", storage))
    volume = objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName="node1"))
    objects.wait_ready(namespace, "writer")
    random = "dd if=/dev/urandom of=/data/random bs=1M count=8 conv=fsync 2>/dev/null; md5sum /data/random"
    checksum = objects.run(namespace, "writer", random)
    [attachment] = project.block_storage.get_volume(volume).attachments
    assert not attachment["server_id"]
    assert connected("1", volume)

    grown = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    kubectl("-n", namespace, "patch", "pvc", "data", "--patch", json.dumps(grown))
    objects.wait("pvc", "data", namespace, "jsonpath={.status.capacity.storage}=2Gi")
    assert int(objects.run(namespace, "writer", "df -Pm /data | awk 'END { print $2 }'")) > 1800

    objects.delete("pod", "writer", namespace)
    objects.apply(objects.pod(namespace, "reader", {"/data": "data"}, nodeName="node2"))
    objects.wait_ready(namespace, "reader")
    assert objects.run(namespace, "reader", "md5sum /data/random") == checksum
    assert not connected("1", volume)
    assert connected("2", volume)


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


def test_what_a_hypervisor_should_encrypt_is_refused(storage, namespace, cluster_wide, driver, project):
    name = f"{namespace}-encrypted"
    cluster_wide(objects.storage_class(name, {"type": "encrypted"}, provisioner=driver))
    objects.apply(objects.claim(namespace, "data", name))
    volume = objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "user", {"/data": "data"}))

    def refusals():
        events = json.loads(kubectl("get", "events", "--namespace", namespace, "-o", "json"))["items"]
        return [each["message"] for each in events if each["reason"] == "FailedAttachVolume"]

    assert "type encrypted, which the hypervisor encrypts" in becomes(refusals)[0]
    assert project.block_storage.get_volume(volume).status == "available"
