# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots, backups and clones: what was written is in the volume that is made of them."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.objects import (
    DRIVER,
    apply,
    claim,
    delete,
    get,
    pod,
    run,
    storage_class,
    volume_id,
    wait,
    wait_bound,
    wait_ready,
)

WRITE = "dd if=/dev/urandom of=/data/file bs=1M count=8 2>/dev/null; sync; sha256sum </data/file"
READ = "sha256sum </data/file"
FREE_KIB = "df -k /data | awk 'NR == 2 {print $2}'"
GIB_IN_KIB = 1024**2


@pytest.fixture
def classes(namespace, cluster_wide):
    """A StorageClass, and a VolumeSnapshotClass of each kind, all of one name but for the kind."""
    cluster_wide(
        storage_class(namespace, {"type": "fast"}),
        *(
            {
                "apiVersion": "snapshot.storage.k8s.io/v1",
                "kind": "VolumeSnapshotClass",
                "metadata": {"name": f"{namespace}-{kind}"},
                "driver": DRIVER,
                "deletionPolicy": "Delete",
                "parameters": {"type": kind},
            }
            for kind in ("snapshot", "backup")
        ),
    )
    return namespace


@pytest.fixture
def source(namespace, classes, cinder):
    """A volume that a pod writes to: its id in Cinder, and the checksum of what was written."""
    apply(claim(namespace, "source", classes), pod(namespace, "writer", {"/data": "source"}))
    wait_ready(namespace, "writer")
    volume = volume_id(namespace, "source")
    yield volume, run(namespace, "writer", WRITE)
    left = becomes(lambda: not copies(cinder, volume))
    assert left, f"left behind: {copies(cinder, volume)}"


def copies(cinder, volume):
    """The ids of a volume's snapshots and backups in Cinder."""
    made = [*cinder.snapshots(details=True), *cinder.backups(details=True)]
    return [each.id for each in made if each.volume_id == volume]


@pytest.fixture
def take(namespace, classes, source):
    """Takes a VolumeSnapshot of the source, of a kind, and returns its id in Cinder."""
    names = []

    def take_one(kind):
        names.append(kind)
        apply(
            {
                "apiVersion": "snapshot.storage.k8s.io/v1",
                "kind": "VolumeSnapshot",
                "metadata": {"name": kind, "namespace": namespace},
                "spec": {
                    "volumeSnapshotClassName": f"{classes}-{kind}",
                    "source": {"persistentVolumeClaimName": "source"},
                },
            }
        )
        wait("volumesnapshot", kind, namespace, "jsonpath={.status.readyToUse}=true")
        content = get("volumesnapshot", kind, namespace)["status"]["boundVolumeSnapshotContentName"]
        return get("volumesnapshotcontent", content)["status"]["snapshotHandle"]

    yield take_one
    for name in names:
        delete("volumesnapshot", name, namespace)


def restored(namespace, class_name, kind, name, size="1Gi"):
    """The checksum of what is in a volume made of that object, and its filesystem's size in KiB."""
    group = {"apiGroup": "snapshot.storage.k8s.io"} if kind == "VolumeSnapshot" else {}
    content = {"kind": kind, "name": name, **group}
    apply(
        claim(namespace, "restored", class_name, size, dataSource=content),
        pod(namespace, "reader", {"/data": "restored"}),
    )
    wait_bound(namespace, "restored")
    wait_ready(namespace, "reader")
    return run(namespace, "reader", READ), int(run(namespace, "reader", FREE_KIB))


def test_a_snapshot_of_a_volume_in_use_is_restored_into_a_larger_one(
    namespace, classes, source, take, cinder
):
    volume, written = source
    snapshot = cinder.get_snapshot(take("snapshot"))
    assert (snapshot.volume_id, snapshot.status) == (volume, "available")
    assert snapshot.metadata["csi.storage.k8s.io/volumesnapshot/namespace"] == namespace
    assert run(namespace, "writer", WRITE) != written
    checksum, size = restored(namespace, classes, "VolumeSnapshot", "snapshot", "2Gi")
    assert checksum == written
    assert size > 1.5 * GIB_IN_KIB, "the filesystem has not grown with its volume"


def test_a_clone_of_a_volume_in_use(namespace, classes, source, cinder):
    volume, written = source
    checksum, dummy = restored(namespace, classes, "PersistentVolumeClaim", "source")
    assert checksum == written
    assert cinder.get_volume(volume_id(namespace, "restored")).source_volume_id == volume


def test_a_backup_outlives_its_volume(namespace, classes, source, take, cinder):
    volume, written = source
    backup = cinder.get_backup(take("backup"))
    assert (backup.volume_id, backup.status) == (volume, "available")
    assert copies(cinder, volume) == [backup.id], "the snapshot that was copied is left over"
    delete("pod", "writer", namespace)
    delete("pvc", "source", namespace)
    assert becomes(lambda: cinder.find_volume(volume, ignore_missing=True) is None)
    checksum, dummy = restored(namespace, classes, "VolumeSnapshot", "backup")
    assert checksum == written
    # Cinder restores the metadata of the volume that was backed up, too.
    metadata = cinder.get_volume(volume_id(namespace, "restored")).metadata
    assert metadata["csi.storage.k8s.io/pvc/name"] == "restored"
    assert metadata["cinder.csi.openstack.org/from-backup"] == backup.id
