# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of several volumes, taken together: each volume that is made of one has its data."""

from __future__ import annotations

import json

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

API = "groupsnapshot.storage.k8s.io/v1"
WRITE = "dd if=/dev/urandom of=/{0}/file bs=1M count=4 2>/dev/null; sync; sha256sum </{0}/file"
READ = "sha256sum </{0}/file"
VOLUMES = ("data", "log")


def classes(cluster_wide, namespace, **parameters):
    """Makes a StorageClass and a VolumeGroupSnapshotClass of the namespace's name."""
    cluster_wide(
        objects.storage_class(namespace, {"type": "fast"}),
        {
            "apiVersion": API,
            "kind": "VolumeGroupSnapshotClass",
            "metadata": {"name": namespace},
            "driver": objects.DRIVER,
            "deletionPolicy": "Delete",
            "parameters": parameters,
        },
    )


def labelled_claim(namespace, name):
    body = objects.claim(namespace, name, namespace)
    body["metadata"]["labels"] = {"app": "database"}
    objects.apply(body)


def take(namespace):
    objects.apply(
        {
            "apiVersion": API,
            "kind": "VolumeGroupSnapshot",
            "metadata": {"name": "both", "namespace": namespace},
            "spec": {
                "volumeGroupSnapshotClassName": namespace,
                "source": {"selector": {"matchLabels": {"app": "database"}}},
            },
        }
    )


def test_volumes_made_of_a_group_snapshot_have_their_data(namespace, cluster_wide, cinder):
    before = {each.id for each in cinder.group_snapshots()}, {each.id for each in cinder.groups()}
    # The driver's user is no administrator: Cinder does not tell it what a group type says.
    classes(cluster_wide, namespace, **{"group-type": "together", "consistent": "true"})
    for name in VOLUMES:
        labelled_claim(namespace, name)
    objects.apply(objects.pod(namespace, "writer", {f"/{name}": name for name in VOLUMES}))
    objects.wait_ready(namespace, "writer")
    written = {name: objects.run(namespace, "writer", WRITE.format(name)) for name in VOLUMES}

    take(namespace)
    objects.wait("volumegroupsnapshot", "both", namespace, "jsonpath={.status.readyToUse}=true")
    # The volumes are nobody's: neither holds the other, and each can be in another group.
    ids = {name: objects.volume_id(namespace, name) for name in VOLUMES}
    assert all(not cinder.get_volume(volume).group_id for volume in ids.values())

    taken = {
        snapshot.volume_id: snapshot.id
        for snapshot in cinder.snapshots()
        if snapshot.volume_id in ids.values()
    }
    assert set(taken) == set(ids.values())
    found = json.loads(kubectl("get", "volumesnapshots", "--namespace", namespace, "-o", "json"))["items"]
    handles = {}
    for snapshot in found:
        objects.wait(
            "volumesnapshot", snapshot["metadata"]["name"], namespace, "jsonpath={.status.readyToUse}=true"
        )
        bound = objects.get("volumesnapshot", snapshot["metadata"]["name"], namespace)
        content = objects.get("volumesnapshotcontent", bound["status"]["boundVolumeSnapshotContentName"])
        handles[content["status"]["snapshotHandle"]] = snapshot["metadata"]["name"]
    for name in VOLUMES:
        source = {
            "apiGroup": "snapshot.storage.k8s.io",
            "kind": "VolumeSnapshot",
            "name": handles[taken[ids[name]]],
        }
        objects.apply(objects.claim(namespace, f"{name}-again", namespace, dataSource=source))
    objects.apply(objects.pod(namespace, "reader", {f"/{name}": f"{name}-again" for name in VOLUMES}))
    objects.wait_ready(namespace, "reader")
    assert {name: objects.run(namespace, "reader", READ.format(name)) for name in VOLUMES} == written

    for pod in ("reader", "writer"):
        objects.delete("pod", pod, namespace)
    for name in VOLUMES:
        objects.delete("pvc", f"{name}-again", namespace)
    objects.delete("volumegroupsnapshot", "both", namespace)

    def left():
        return {each.id for each in cinder.group_snapshots()}, {each.id for each in cinder.groups()}

    assert becomes(lambda: left() == before), left()


def test_snapshots_that_nobody_vouches_for_are_refused(namespace, cluster_wide, cinder):
    classes(cluster_wide, namespace, **{"group-type": "one-by-one"})
    for name in VOLUMES:
        labelled_claim(namespace, name)
        objects.wait_bound(namespace, name)
    take(namespace)

    def refusal():
        taken = objects.get("volumegroupsnapshot", "both", namespace)
        return taken.get("status", {}).get("error", {}).get("message", "")

    assert_says(
        refusal,
        "FailedPrecondition",
        "group type one-by-one",
        "VolumeGroupSnapshotClass parameter consistent",
    )
    ids = {objects.volume_id(namespace, name) for name in VOLUMES}
    assert not [each for each in cinder.snapshots() if each.volume_id in ids]
    objects.delete("volumegroupsnapshot", "both", namespace)
