# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VolumeAttributesClasses: claims that get another type and metadata, in use or when they are made."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes


def test_a_claim_in_use_gets_another_type(namespace, cluster_wide, cinder):
    limited = f"{namespace}-limited"
    cluster_wide(
        objects.storage_class(namespace, {"type": "fast"}),
        objects.attributes_class(limited, {"type": "fast-qos", "metadata.tier": "gold"}),
    )
    objects.apply(
        objects.claim(namespace, "data", namespace), objects.pod(namespace, "user", {"/data": "data"})
    )
    objects.wait_ready(namespace, "user")
    volume = objects.wait_bound(namespace, "data")
    random = "dd if=/dev/urandom of=/data/random bs=1M count=8 conv=fsync 2>/dev/null; md5sum /data/random"
    checksum = objects.run(namespace, "user", random)

    objects.change("pvc", "data", namespace, {"spec": {"volumeAttributesClassName": limited}})
    objects.wait("pvc", "data", namespace, f"jsonpath={{.status.currentVolumeAttributesClassName}}={limited}")

    now = cinder.get_volume(volume)
    assert (now.volume_type, now.status, now.size) == ("fast-qos", "in-use", 1)
    assert now.metadata["tier"] == "gold"
    assert now.metadata["csi.storage.k8s.io/pvc/name"] == "data"
    assert objects.run(namespace, "user", "echo more >/data/more; sync; md5sum /data/random") == checksum


def test_a_claim_is_made_with_its_attributes(namespace, cluster_wide, cinder):
    limited = f"{namespace}-limited"
    cluster_wide(
        objects.storage_class(namespace, {"type": "fast"}),
        objects.attributes_class(limited, {"type": "fast-qos"}),
    )
    objects.apply(objects.claim(namespace, "data", namespace, volumeAttributesClassName=limited))
    volume = objects.wait_bound(namespace, "data")
    assert cinder.get_volume(volume).volume_type == "fast-qos"


@pytest.mark.parametrize(
    ("volume_type", "words"),
    [("no-such-type", "no-such-type could not be found"), ("slow", "migration-policy never forbids")],
)
def test_a_type_that_the_volume_cannot_have_is_told(namespace, cluster_wide, cinder, volume_type, words):
    wanted = f"{namespace}-wanted"
    cluster_wide(
        objects.storage_class(namespace, {"type": "fast"}),
        objects.attributes_class(wanted, {"type": volume_type}),
    )
    objects.apply(objects.claim(namespace, "data", namespace))
    volume = objects.wait_bound(namespace, "data")
    objects.change("pvc", "data", namespace, {"spec": {"volumeAttributesClassName": wanted}})
    assert_says(lambda: objects.told(namespace, "VolumeModifyFailed"), words)
    assert cinder.get_volume(volume).volume_type == "fast"


def test_a_volume_moves_to_another_back_end_where_that_is_allowed(namespace, cluster_wide, cinder):
    moved = f"{namespace}-moved"
    cluster_wide(
        objects.storage_class(namespace, {"type": "fast"}),
        objects.attributes_class(moved, {"type": "online", "migration-policy": "on-demand"}),
    )
    objects.apply(
        objects.claim(namespace, "data", namespace), objects.pod(namespace, "writer", {"/data": "data"})
    )
    objects.wait_ready(namespace, "writer")
    volume = objects.wait_bound(namespace, "data")
    random = "dd if=/dev/urandom of=/data/random bs=1M count=8 conv=fsync 2>/dev/null; md5sum /data/random"
    checksum = objects.run(namespace, "writer", random)
    objects.delete("pod", "writer", namespace)
    assert becomes(lambda: cinder.get_volume(volume).status == "available")

    objects.change("pvc", "data", namespace, {"spec": {"volumeAttributesClassName": moved}})
    objects.wait("pvc", "data", namespace, f"jsonpath={{.status.currentVolumeAttributesClassName}}={moved}")
    assert cinder.get_volume(volume).volume_type == "online"

    objects.apply(objects.pod(namespace, "reader", {"/data": "data"}))
    objects.wait_ready(namespace, "reader")
    assert objects.run(namespace, "reader", "md5sum /data/random") == checksum
