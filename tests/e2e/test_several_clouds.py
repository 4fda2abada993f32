# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One driver in two projects: a StorageClass chooses its cloud by a Secret."""

from __future__ import annotations

import re

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, snapshots
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes, claimed


@pytest.fixture
def second(second_project):
    """Cinder's own API, in the project of the driver's second cloud."""
    return second_project.block_storage


@pytest.fixture
def class_in(cluster_wide, namespace):
    """Makes a StorageClass of a cloud, and a Secret that outlives the claims: deleting needs it too."""
    made = []

    def make(cloud):
        name = f"{namespace}-{cloud}"
        made.append(name)
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "default"},
            "stringData": {"cloud": cloud},
        }
        objects.apply(secret)
        references = {
            f"{call}-secret-{part}": value
            for call in ("provisioner", "controller-expand", "controller-modify", "controller-publish")
            for part, value in (("name", name), ("namespace", "default"))
        }
        parameters = {f"csi.storage.k8s.io/{key}": value for key, value in references.items()}
        cluster_wide(objects.storage_class(name, {"type": "fast", **parameters}))
        return name

    yield make
    for name in made:
        objects.delete("secret", name)


def test_a_volume_is_made_in_the_cloud_of_its_class_and_deleted_there(namespace, class_in, cinder, second):
    objects.apply(objects.claim(namespace, "data", class_in("second")))
    volume = objects.wait_bound(namespace, "data")
    assert claimed(second, namespace) == {volume}
    assert claimed(cinder, namespace) == set()
    objects.apply(objects.claim(namespace, "data", f"{namespace}-second", "2Gi"))
    assert becomes(lambda: second.get_volume(volume).size == 2), "the volume is not expanded in its cloud"
    objects.delete("pvc", "data", namespace)
    assert becomes(lambda: not claimed(second, namespace)), claimed(second, namespace)


def test_a_volume_is_changed_in_the_cloud_of_its_class(namespace, class_in, cluster_wide, second):
    gold = f"{namespace}-gold"
    cluster_wide(objects.attributes_class(gold, {"metadata.tier": "gold"}))
    objects.apply(objects.claim(namespace, "data", class_in("second")))
    volume = objects.wait_bound(namespace, "data")
    objects.change("pvc", "data", namespace, {"spec": {"volumeAttributesClassName": gold}})
    objects.wait("pvc", "data", namespace, f"jsonpath={{.status.currentVolumeAttributesClassName}}={gold}")
    assert second.get_volume(volume).metadata["tier"] == "gold"


def test_a_volume_is_attached_by_the_nova_of_its_cloud(namespace, class_in, second):
    """The nodes are servers of the first project, so that of the second knows none of them."""
    objects.apply(
        objects.claim(namespace, "data", class_in("second")),
        objects.pod(namespace, "user", {"/data": "data"}),
    )
    unknown = re.compile(r"NotFound desc = server [0-9a-f-]{36} does not exist")
    assert becomes(lambda: unknown.search(objects.told(namespace, "FailedAttachVolume")))
    # Whoever takes it away again needs the Secret, too.
    objects.delete("pod", "user", namespace)
    objects.delete("pvc", "data", namespace)
    assert becomes(lambda: not claimed(second, namespace)), claimed(second, namespace)


def test_a_volume_is_deleted_in_its_cloud_when_the_secret_has_gone(namespace, class_in, second):
    """The provisioner goes on without it, and the first cloud has no such volume."""
    name = class_in("second")
    objects.apply(objects.claim(namespace, "data", name))
    volume = objects.wait_bound(namespace, "data")
    objects.delete("secret", name)
    objects.delete("pvc", "data", namespace)
    assert becomes(lambda: second.find_volume(volume, ignore_missing=True) is None)


def test_a_snapshot_is_taken_in_the_cloud_of_its_class(namespace, class_in, cluster_wide, second):
    name = class_in("second")
    references = {
        f"csi.storage.k8s.io/{call}-secret-{part}": value
        for call in ("snapshotter", "snapshotter-list")
        for part, value in (("name", name), ("namespace", "default"))
    }
    cluster_wide(snapshots.snapshot_class(name, references))
    objects.apply(objects.claim(namespace, "data", name))
    volume = objects.wait_bound(namespace, "data")
    snapshots.take(namespace, "taken", name, "data")
    [taken] = second.snapshots(volume_id=volume)
    assert taken.status == "available"
    objects.delete("volumesnapshot", "taken", namespace)
    assert becomes(lambda: not list(second.snapshots(volume_id=volume)))
    objects.delete("pvc", "data", namespace)
    assert becomes(lambda: not claimed(second, namespace)), claimed(second, namespace)


def test_a_cloud_that_the_driver_does_not_know_is_told_with_those_that_it_knows(namespace, class_in):
    objects.apply(objects.claim(namespace, "data", class_in("third")))

    assert_says(
        lambda: objects.told(namespace, "ProvisioningFailed"),
        "InvalidArgument",
        "cloud is 'third': known are '', 'second'",
    )
