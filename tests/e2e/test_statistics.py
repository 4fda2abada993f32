# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kubelet tells of a volume in use."""

from __future__ import annotations

import json

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

MIB = 1024**2


def told(namespace, node="node1"):
    """Figures of the namespace's claims, by their names; the kubelet asks about once a minute."""
    summary = json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    return {
        volume["pvcRef"]["name"]: volume
        for pod in summary["pods"]
        for volume in pod.get("volume", ())
        if volume.get("pvcRef", {}).get("namespace") == namespace
    }


def test_the_kubelet_tells_how_full_volumes_are(namespace, cluster_wide):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "files", namespace),
        objects.claim(namespace, "raw", namespace, volumeMode="Block"),
        objects.pod(namespace, "user", {"/data": "files"}, {"/dev/raw": "raw"}, nodeName="node1"),
    )
    objects.wait_ready(namespace, "user")
    objects.run(namespace, "user", "head -c 67108864 /dev/zero >/data/file; sync")

    def both_told():
        now = told(namespace)
        return now if "raw" in now and now.get("files", {}).get("usedBytes", 0) >= 64 * MIB else None

    # The kubelet counts about once a minute.
    volumes = becomes(both_told, 300)
    assert volumes, told(namespace)
    files = volumes["files"]
    assert 900 * MIB < files["capacityBytes"] <= 1024 * MIB
    assert files["availableBytes"] <= files["capacityBytes"] - files["usedBytes"]
    assert files["inodes"] > files["inodesFree"] > 0
    assert volumes["raw"]["capacityBytes"] == 1024 * MIB
