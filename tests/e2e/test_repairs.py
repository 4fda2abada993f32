# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes whose status, or whose attachment, is not what Kubernetes thinks: pods get them all the same."""

from __future__ import annotations

import uuid

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.lab_cloud import post

NODE = "node1"


@pytest.fixture
def claims(namespace, cluster_wide):
    """Makes claims, and returns the ids of their volumes."""
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))

    def make(*names):
        objects.apply(*(objects.claim(namespace, name, namespace) for name in names))
        return [objects.wait_bound(namespace, name) for name in names]

    return make


def reserve(cinder, volume, **more):
    """Reserve a volume, as Nova does before it attaches it."""
    post(cinder, "/attachments", {"attachment": {"volume_uuid": volume, **more}})


def test_volumes_that_nobody_has_are_freed_for_a_pod(namespace, claims, cinder, admin):
    names = ["reserved", "left", "attaching", "detaching"]
    volumes = dict(zip(names, claims(*names), strict=True))
    reserve(cinder, volumes["reserved"])
    reserve(cinder, volumes["left"], instance_uuid=str(uuid.uuid4()))
    for status in ("attaching", "detaching"):
        admin.reset_volume_status(volumes[status], status, None, None)
    seen = {name: cinder.get_volume(volume).status for name, volume in volumes.items()}
    assert seen == {name: "reserved" if name == "left" else name for name in names}

    objects.apply(objects.pod(namespace, "user", {f"/{name}": name for name in names}, nodeName=NODE))
    objects.wait_ready(namespace, "user")
    for name in names:
        objects.run(namespace, "user", f"echo mine >/{name}/file")
    objects.delete("pod", "user", namespace)
    assert becomes(lambda: {cinder.get_volume(volume).status for volume in volumes.values()} == {"available"})
    assert [a for a in cinder.attachments() if a.volume_id in volumes.values()] == []


def test_volumes_that_nobody_has_are_deleted_with_their_claims(namespace, claims, cinder, admin):
    reserved, detaching = claims("reserved", "detaching")
    reserve(cinder, reserved, instance_uuid=str(uuid.uuid4()))
    admin.reset_volume_status(detaching, "detaching", None, None)
    kubectl("delete", "pvc", "--all", "--namespace", namespace)
    # Who might be about to attach them has a minute.
    assert becomes(lambda: not [v for v in cinder.volumes() if v.id in (reserved, detaching)], 300)


def test_a_volume_in_error_is_refused_with_what_helps_and_is_usable_when_that_is_done(
    namespace, claims, admin
):
    [volume] = claims("data")
    admin.reset_volume_status(volume, "error", None, None)
    objects.apply(objects.pod(namespace, "user", {"/data": "data"}, nodeName=NODE))

    assert_says(
        lambda: objects.told(namespace, "FailedAttachVolume"),
        f"openstack volume set --state available {volume}",
    )
    admin.reset_volume_status(volume, "available", None, None)
    objects.wait_ready(namespace, "user")
    objects.delete("pod", "user", namespace)
