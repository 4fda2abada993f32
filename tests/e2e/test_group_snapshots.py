# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of several volumes, taken together: each volume that is made of one has its data."""

from __future__ import annotations

import json

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

API = "groupsnapshot.storage.k8s.io/v1"
WRITE = "dd if=/dev/urandom of=/{0}/file bs=1M count=4 2>/dev/null; sync; sha256sum </{0}/file"
READ = "sha256sum </{0}/file"
VOLUMES = ("data", "log")


def test_volumes_made_of_a_group_snapshot_have_their_data(namespace, cluster_wide, cinder):
    before = {each.id for each in cinder.group_snapshots()}, {each.id for each in cinder.groups()}
    cluster_wide(
        objects.storage_class(namespace, {"type": "fast"}),
        {
            "apiVersion": API,
            "kind": "VolumeGroupSnapshotClass",
            "metadata": {"name": namespace},
            "driver": objects.DRIVER,
            "deletionPolicy": "Delete",
            "parameters": {"group-type": "together"},
        },
    )
    for name in VOLUMES:
        body = objects.claim(namespace, name, namespace)
        body["metadata"]["labels"] = {"app": "database"}
        objects.apply(body)
    objects.apply(objects.pod(namespace, "writer", {f"/{name}": name for name in VOLUMES}))
    objects.wait_ready(namespace, "writer")
    written = {name: objects.run(namespace, "writer", WRITE.format(name)) for name in VOLUMES}

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
