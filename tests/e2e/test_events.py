# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cloud says of a failure stands where users look: in the events and states of their own objects."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, snapshots
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl


@pytest.fixture
def storage(namespace):
    """A class whose volumes are made at once."""
    objects.apply(objects.storage_class(namespace, {"type": "fast"}))
    yield namespace
    kubectl("delete", "storageclass", namespace)


def test_an_expansion_over_the_quota(namespace, storage):
    objects.apply(objects.claim(namespace, "data", storage))
    objects.wait_bound(namespace, "data")
    objects.grow(namespace, "data", "100Ti")
    assert_says(lambda: objects.told(namespace, "VolumeResizeFailed"), "exceeds allowed")


def test_an_attachment_of_a_volume_that_somebody_deleted(namespace, storage, cinder):
    objects.apply(objects.claim(namespace, "data", storage))
    volume_id = objects.wait_bound(namespace, "data")
    cinder.delete_volume(volume_id)
    assert becomes(lambda: cinder.find_volume(volume_id, ignore_missing=True) is None)
    objects.apply(objects.pod(namespace, "user", {"/data": "data"}))
    assert_says(lambda: objects.told(namespace, "FailedAttachVolume"), f"volume {volume_id} does not exist")
    objects.delete("pod", "user", namespace)


def test_a_snapshot_that_cinder_refuses(namespace, storage):
    objects.apply(
        snapshots.snapshot_class(namespace, {"force-create": "false"}),
        objects.claim(namespace, "data", storage),
        objects.pod(namespace, "user", {"/data": "data"}),
    )
    objects.wait_ready(namespace, "user")
    objects.apply(snapshots.snapshot(namespace, "refused", namespace, "data"))

    def error():
        status = objects.get("volumesnapshot", "refused", namespace).get("status") or {}
        return (status.get("error") or {}).get("message", "")

    assert_says(error, "must be available")
    objects.delete("volumesnapshot", "refused", namespace)
    kubectl("delete", "volumesnapshotclass", namespace)
