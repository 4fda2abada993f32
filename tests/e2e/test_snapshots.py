# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots, backups and clones: what was written is in the volume that is made of them."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.mooring.storage.tests.e2e import snapshots
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes
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
        *(snapshots.snapshot_class(f"{namespace}-{kind}", {"type": kind}) for kind in ("snapshot", "backup")),
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
        snapshots.take(namespace, kind, f"{classes}-{kind}", "source")
        content = get("volumesnapshot", kind, namespace)["status"]["boundVolumeSnapshotContentName"]
        return get("volumesnapshotcontent", content)["status"]["snapshotHandle"]

    yield take_one
    for name in names:
        delete("volumesnapshot", name, namespace)


def restored(namespace, class_name, kind, name, size="1Gi"):
    """The checksum of what is in a volume made of that object, and its filesystem's size in KiB."""
    group = {"apiGroup": snapshots.GROUP} if kind == "VolumeSnapshot" else {}
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


@pytest.fixture
def seen():
    """Starts to note what becomes of the contents of a namespace's snapshots, and tells it: handle, ready."""
    watching = []

    def watch(namespace):
        path = "{.spec.volumeSnapshotRef.namespace} {.status.snapshotHandle} {.status.readyToUse}"
        command = ["kubectl", "get", "volumesnapshotcontents", "--watch", f'-o=jsonpath={path}{{"\\n"}}']
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        watching.append(process)

        def told():
            process.terminate()
            lines = [line.split() for line in process.communicate()[0].splitlines()]
            return [tuple(line[1:]) for line in lines if line[:1] == [namespace]]

        return told

    yield watch
    for process in watching:
        process.kill()
        process.wait()


def test_a_backup_has_an_id_before_it_is_ready(namespace, take, seen):
    told = seen(namespace)
    backup = take("backup")
    answers = [answer for answer in told() if answer[:1] == (backup,)]
    assert answers[0] == (backup, "false")
    assert answers[-1] == (backup, "true")


def test_a_backup_that_failed_tells_why_and_goes_with_its_object(namespace, classes, source, cinder, admin):
    """Kubernetes keeps the handle that it was told: another backup would not be restored, nor deleted."""
    volume, dummy = source
    apply(snapshots.snapshot(namespace, "backup", f"{classes}-backup", "source"))

    def status():
        return get("volumesnapshot", "backup", namespace).get("status", {})

    def made():
        return [each.id for each in cinder.backups(details=True) if each.volume_id == volume]

    [backup] = becomes(made)
    content = becomes(lambda: status().get("boundVolumeSnapshotContentName"))
    wait("volumesnapshotcontent", content, namespace, "jsonpath={.status.snapshotHandle}=" + backup)
    admin.reset_backup(backup, "error")
    assert_says(lambda: status().get("error", {}).get("message", ""), f"could not create backup {backup}")
    assert made() == [backup], "another one was begun"
    assert get("volumesnapshotcontent", content)["status"]["snapshotHandle"] == backup
    delete("volumesnapshot", "backup", namespace)
    assert becomes(lambda: not copies(cinder, volume))


@pytest.fixture
def by_hand(cinder):
    """A snapshot and a backup, the latter under way, that Kubernetes knows nothing of."""
    volume = cinder.create_volume(name="by-hand", size=1, volume_type="fast")
    cinder.wait_for_status(volume, "available", interval=0.5, wait=60)
    made = {
        "snapshot": cinder.create_snapshot(volume_id=volume.id, name="by-hand"),
        "backup": cinder.create_backup(volume_id=volume.id, name="by-hand"),
    }
    yield {kind: each.id for kind, each in made.items()}
    left = becomes(lambda: not copies(cinder, volume.id)) or copies(cinder, volume.id)
    cinder.delete_backup(made["backup"])
    cinder.delete_snapshot(made["snapshot"])
    becomes(lambda: not copies(cinder, volume.id))
    cinder.delete_volume(volume.id)
    assert left is True, f"left behind: {left}"


def content(namespace, kind, handle):
    """A VolumeSnapshot of something that is there, and the content that says so."""
    name = f"{namespace}-{kind}-by-hand"
    return (
        {
            "apiVersion": snapshots.API,
            "kind": "VolumeSnapshotContent",
            "metadata": {"name": name},
            "spec": {
                "driver": DRIVER,
                "deletionPolicy": "Delete",
                "source": {"snapshotHandle": handle},
                "volumeSnapshotRef": {"name": f"{kind}-by-hand", "namespace": namespace},
            },
        },
        {
            "apiVersion": snapshots.API,
            "kind": "VolumeSnapshot",
            "metadata": {"name": f"{kind}-by-hand", "namespace": namespace},
            "spec": {"source": {"volumeSnapshotContentName": name}},
        },
    )


def test_what_was_made_by_hand_is_taken_as_it_is(namespace, classes, cinder, by_hand):
    for kind, handle in by_hand.items():
        apply(*content(namespace, kind, handle))
    for kind in by_hand:
        wait("volumesnapshot", f"{kind}-by-hand", namespace, "jsonpath={.status.readyToUse}=true")
        assert get("volumesnapshot", f"{kind}-by-hand", namespace)["status"]["restoreSize"] == "1Gi"
    assert cinder.get_backup(by_hand["backup"]).status == "available"

    for kind in by_hand:
        apply(claim(namespace, f"of-{kind}", classes, dataSource=snapshots.content_of(f"{kind}-by-hand")))
    assert cinder.get_volume(wait_bound(namespace, "of-snapshot")).snapshot_id == by_hand["snapshot"]
    metadata = cinder.get_volume(wait_bound(namespace, "of-backup")).metadata
    assert metadata["cinder.csi.openstack.org/from-backup"] == by_hand["backup"]
    for kind in by_hand:
        delete("pvc", f"of-{kind}", namespace)
        delete("volumesnapshot", f"{kind}-by-hand", namespace)
