# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that the node encrypts: copies, raw devices, and where their key is not."""

from __future__ import annotations

from ansible_collections.mooring.storage.tests.e2e import objects, snapshots
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.encrypted import NODES, WORDS, grows, on_disk, on_node
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl


def test_the_key_is_in_no_argument_no_log_and_no_file_of_the_node(namespace, encrypted_class):
    key = f"never-shown-{namespace}"
    objects.apply(objects.claim(namespace, "data", encrypted_class("hidden", key)))
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName=NODES[0]))
    objects.wait_ready(namespace, "writer")
    # Those who search have it in a file alone, and in halves in their script.
    found = on_node(
        f'printf %s "never-""shown-{namespace}" >/dev/shm/key;'
        " grep -lsF -f /dev/shm/key /proc/[0-9]*/cmdline /proc/[0-9]*/environ;"
        " grep -rlsF -f /dev/shm/key /var/lib/kubelet /var/lib/node/kubelet /run/udev /etc 2>/dev/null;"
        " grep -csF -f /dev/shm/key /dev/shm/key; rm /dev/shm/key"
    )
    # The last one shows that they would find it.
    assert found == "1\n"
    pods = kubectl("get", "pods", "-n", "kube-system", "-o", "name").split()
    logs = [
        kubectl("logs", "-n", "kube-system", "--all-containers", pod) for pod in pods if "csi-cinder" in pod
    ]
    assert logs
    assert not [log for log in logs if key in log]
    objects.delete("pod", "writer", namespace)


def test_clones_and_snapshots_are_opened_by_the_same_key_and_grow_with_their_volume(
    namespace, encrypted_class, cluster_wide
):
    name = encrypted_class("copied", "the key of source and copies")
    cluster_wide(snapshots.snapshot_class(namespace))
    objects.apply(
        objects.claim(namespace, "data", name),
        objects.pod(namespace, "writer", {"/data": "data"}, nodeName=NODES[0]),
    )
    objects.wait_ready(namespace, "writer")
    written = objects.run(
        namespace, "writer", "head -c 4194304 /dev/urandom >/data/file; sync; sha256sum </data/file"
    )
    snapshots.take(namespace, "taken", namespace, "data")
    of_volume = {"kind": "PersistentVolumeClaim", "name": "data"}
    objects.apply(
        objects.claim(namespace, "clone", name, dataSource=of_volume),
        objects.claim(namespace, "restored", name, "2Gi", dataSource=snapshots.content_of("taken")),
        objects.pod(namespace, "reader", {"/clone": "clone", "/data": "restored"}, nodeName=NODES[1]),
    )
    objects.wait_ready(namespace, "reader")
    assert objects.run(namespace, "reader", "sha256sum </clone/file") == written
    assert objects.run(namespace, "reader", "sha256sum </data/file") == written
    assert grows(namespace, "reader")
    assert not on_disk(objects.volume_id(namespace, "clone"), "lost+found")
    for pod in ("reader", "writer"):
        objects.delete("pod", pod, namespace)
    for claim in ("clone", "restored"):
        objects.delete("pvc", claim, namespace)
    objects.delete("volumesnapshot", "taken", namespace)


def test_a_raw_device_is_encrypted_and_grows_while_no_pod_has_it(namespace, encrypted_class, cinder):
    name = encrypted_class("raw", "the key of a raw device")
    objects.apply(
        objects.claim(namespace, "data", name, volumeMode="Block"),
        objects.pod(namespace, "writer", devices={"/dev/data": "data"}, nodeName=NODES[0]),
    )
    objects.wait_ready(namespace, "writer")
    volume = objects.volume_id(namespace, "data")
    objects.run(namespace, "writer", f"echo '{WORDS}' | dd of=/dev/data bs=4096 conv=sync,fsync 2>/dev/null")
    assert on_disk(volume, "LUKS")
    assert not on_disk(volume, WORDS)
    objects.delete("pod", "writer", namespace)

    objects.apply(objects.claim(namespace, "data", name, "2Gi", volumeMode="Block"))
    assert becomes(lambda: cinder.get_volume(volume).size == 2)
    objects.apply(objects.pod(namespace, "reader", devices={"/dev/data": "data"}, nodeName=NODES[1]))
    objects.wait_ready(namespace, "reader")
    assert WORDS in objects.run(namespace, "reader", "head -c 4096 /dev/data")
    size = int(objects.run(namespace, "reader", "blockdev --getsize64 /dev/data"))
    assert size > 2 * 1024**3 - 32 * 1024**2
    objects.delete("pod", "reader", namespace)
