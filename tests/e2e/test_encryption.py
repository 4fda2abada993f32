# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that the node or the hypervisor encrypts: what Cinder holds of them, their moves, their growth."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import LAB, becomes

WORDS = "in the clear it would be found"
NODES = ("node1", "node2")


@pytest.fixture(scope="module", autouse=True)
def dm_crypt():
    """The nodes' kernels have it as a module, and no systemd that loads it when it is needed."""
    for number in ("1", "2"):
        subprocess.run(
            [LAB / "bin" / "node-shell", number, "-c", "modprobe -a dm-crypt xts"], check=True, timeout=60
        )


@pytest.fixture
def encrypted_class(cluster_wide, namespace):
    """Makes StorageClasses of a key each; the Secret outlives the pods, as unstaging follows them."""
    made = []

    def make(name, key, volume_type="fast"):
        secret = f"{namespace}-{name}"
        made.append(secret)
        objects.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": secret, "namespace": "default"},
                "stringData": {"encryptionPassphrase": key},
            }
        )
        parameters = {
            "type": volume_type,
            "encrypted": "true",
            "csi.storage.k8s.io/node-stage-secret-name": secret,
            "csi.storage.k8s.io/node-stage-secret-namespace": "default",
        }
        cluster_wide(objects.storage_class(secret, parameters))
        return secret

    yield make
    for secret in made:
        objects.delete("secret", secret)


def on_disk(volume, words):
    """Whether the file in which the lab's Cinder keeps a volume holds these words."""
    [file] = (LAB / "volumes").glob(f"*/*{volume}*")
    found = subprocess.run(["grep", "--quiet", "--text", words, str(file)], check=False)
    assert found.returncode in (0, 1)
    return found.returncode == 0


def test_data_is_unreadable_in_cinder_and_whole_on_the_other_node(namespace, encrypted_class):
    objects.apply(objects.claim(namespace, "data", encrypted_class("one", "a key of many bytes")))
    volume = objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName=NODES[0]))
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", f"echo '{WORDS}' >/data/file; sync")
    assert on_disk(volume, "LUKS")
    assert not on_disk(volume, WORDS)
    objects.delete("pod", "writer", namespace)

    objects.apply(objects.pod(namespace, "reader", {"/data": "data"}, nodeName=NODES[1]))
    objects.wait_ready(namespace, "reader")
    assert WORDS in objects.run(namespace, "reader", "cat /data/file")
    objects.delete("pod", "reader", namespace)


def grows(namespace, pod):
    """Whether the filesystem of a pod comes to have the two GiB of its volume."""

    def grown():
        kib = objects.run(namespace, pod, "df -Pk /data | tail -1 | awk '{print $2}'")
        return int(kib) > 1.5 * 1024**2

    return becomes(grown, 90)


def test_it_grows_under_a_running_pod(namespace, encrypted_class):
    name = encrypted_class("growing", "another key", "online")
    objects.apply(objects.claim(namespace, "data", name))
    objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}))
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", f"echo '{WORDS}' >/data/file; sync")
    objects.apply(objects.claim(namespace, "data", name, size="2Gi"))

    assert grows(namespace, "writer")
    assert WORDS in objects.run(namespace, "writer", "cat /data/file")
    objects.delete("pod", "writer", namespace)


def test_a_type_that_cinder_encrypts_passes_through(namespace, cluster_wide, cinder):
    cluster_wide(objects.storage_class(namespace, {"type": "encrypted"}))
    objects.apply(objects.claim(namespace, "data", namespace))
    volume = objects.wait_bound(namespace, "data")
    assert cinder.get_volume(volume).is_encrypted
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName=NODES[0]))
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", f"echo '{WORDS}' >/data/file; sync")
    assert on_disk(volume, "LUKS")
    assert not on_disk(volume, WORDS)

    objects.apply(objects.claim(namespace, "data", namespace, size="2Gi"))
    assert grows(namespace, "writer")
    assert WORDS in objects.run(namespace, "writer", "cat /data/file")
    objects.delete("pod", "writer", namespace)

    origin = {"kind": "PersistentVolumeClaim", "name": "data"}
    objects.apply(
        objects.claim(namespace, "clone", namespace, size="2Gi", dataSource=origin),
        objects.pod(namespace, "reader", {"/data": "data", "/clone": "clone"}, nodeName=NODES[1]),
    )
    objects.wait_ready(namespace, "reader")
    for folder in ("/data", "/clone"):
        assert WORDS in objects.run(namespace, "reader", f"cat {folder}/file")
    objects.delete("pod", "reader", namespace)
