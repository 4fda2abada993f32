# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims that grow: under a writing pod, without a pod, as raw devices, and beyond what the cloud allows."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says, becomes

GIB = 1024**3
#: Appends 1, 2, 3... to a file, each line on the disk before the next one, until it is told to stop.
WRITER = """
trap 'exit 0' TERM
i=0
while [ ! -e /data/stop ]; do
  i=$((i + 1)); echo $i >>/data/lines; sync; sleep 0.05
done
touch /data/stopped
sleep 100000 & wait
"""


def lines(namespace):
    return int(objects.run(namespace, "writer", "wc -l </data/lines"))


def filesystem_bytes(namespace, pod):
    return int(objects.run(namespace, pod, "df -k /data | awk 'END {print $2}'")) * 1024


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_filesystem_grows_while_a_pod_writes_to_it(namespace, cluster_wide, cinder, fs_type):
    cluster_wide(objects.storage_class(namespace, {"type": "online", "csi.storage.k8s.io/fstype": fs_type}))
    objects.apply(
        objects.claim(namespace, "data", namespace),
        objects.pod(namespace, "writer", {"/data": "data"}, command=WRITER),
    )
    objects.wait_ready(namespace, "writer")
    volume = objects.wait_bound(namespace, "data")
    assert filesystem_bytes(namespace, "writer") < GIB
    random = "dd if=/dev/urandom of=/data/random bs=1M count=16 2>/dev/null; md5sum /data/random"
    checksum = objects.run(namespace, "writer", random)
    before = lines(namespace)

    objects.grow(namespace, "data", "2Gi")
    objects.wait_for_capacity(namespace, "data", "2Gi")

    assert cinder.get_volume(volume).size == 2
    assert cinder.get_volume(volume).status == "in-use"
    assert filesystem_bytes(namespace, "writer") > 1.8 * GIB
    after = lines(namespace)
    assert after > before
    assert becomes(lambda: lines(namespace) > after)
    objects.run(namespace, "writer", "touch /data/stop; until [ -e /data/stopped ]; do sleep 0.1; done")
    objects.run(namespace, "writer", "awk '$1 != NR {exit 1}' /data/lines")
    assert objects.run(namespace, "writer", "md5sum /data/random") == checksum
    fill = "dd if=/dev/zero of=/data/more bs=1M count=1200 2>/dev/null; stat -c %s /data/more"
    assert int(objects.run(namespace, "writer", fill)) == 1200 * 1024**2


def test_a_claim_that_no_pod_uses_is_larger_at_its_next_mount(namespace, cluster_wide, cinder):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "data", namespace), objects.pod(namespace, "first", {"/data": "data"})
    )
    objects.wait_ready(namespace, "first")
    volume = objects.wait_bound(namespace, "data")
    objects.run(namespace, "first", "echo kept >/data/file; sync")
    objects.delete("pod", "first", namespace)
    assert becomes(lambda: cinder.get_volume(volume).status == "available")

    objects.grow(namespace, "data", "3Gi")
    objects.wait("pvc", "data", namespace, "condition=FileSystemResizePending")
    assert cinder.get_volume(volume).size == 3

    objects.apply(objects.pod(namespace, "second", {"/data": "data"}))
    objects.wait_ready(namespace, "second")
    assert filesystem_bytes(namespace, "second") > 2.8 * GIB
    assert objects.run(namespace, "second", "cat /data/file") == "kept\n"
    objects.wait_for_capacity(namespace, "data", "3Gi")


def test_a_raw_device_grows_while_a_pod_has_it(namespace, cluster_wide, cinder):
    cluster_wide(objects.storage_class(namespace, {"type": "online"}))
    objects.apply(
        objects.claim(namespace, "data", namespace, volumeMode="Block"),
        objects.pod(namespace, "raw", devices={"/dev/volume": "data"}),
    )
    objects.wait_ready(namespace, "raw")
    volume = objects.wait_bound(namespace, "data")
    size = "blockdev --getsize64 /dev/volume"
    assert int(objects.run(namespace, "raw", size)) == GIB
    read = "dd if=/dev/volume bs=1M count=8 2>/dev/null | md5sum"
    checksum = objects.run(
        namespace, "raw", f"dd if=/dev/urandom of=/dev/volume bs=1M count=8 conv=fsync 2>/dev/null; {read}"
    )

    objects.grow(namespace, "data", "2Gi")
    objects.wait_for_capacity(namespace, "data", "2Gi")

    assert cinder.get_volume(volume).size == 2
    assert int(objects.run(namespace, "raw", size)) == 2 * GIB
    at_the_end = "echo end | dd of=/dev/volume bs=1M seek=2047 conv=fsync 2>/dev/null"
    objects.run(namespace, "raw", at_the_end)
    end = "dd if=/dev/volume bs=1M skip=2047 count=1 2>/dev/null | head -c 3"
    assert objects.run(namespace, "raw", end) == "end"
    assert objects.run(namespace, "raw", read) == checksum


def test_more_than_the_quota_is_told_in_cinders_words(namespace, cluster_wide, cinder):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(objects.claim(namespace, "data", namespace))
    volume = objects.wait_bound(namespace, "data")
    objects.grow(namespace, "data", "100Ti")
    assert_says(lambda: objects.told(namespace, "VolumeResizeFailed"), "exceeds allowed gigabytes quota")
    # The resizer asks again, and Cinder calls the volume "extending" until it has counted the quota.
    assert becomes(lambda: cinder.get_volume(volume).status == "available")
    assert cinder.get_volume(volume).size == 1
