# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty claims and pods at once, beside twenty pods."""

from __future__ import annotations

import statistics
import sys

from cluster import Cluster
from lab import cloud, now, until

PODS = 20


def measure(cluster: Cluster, storage_class: str) -> dict[str, float]:
    """The medians, as the time from the first request to each pod's readiness."""
    floor = _pods(cluster, None)
    full = _pods(cluster, storage_class)
    volumes = {cluster.volume_of(name) for name in _names()}
    cinder = cloud().block_storage
    start = now()
    _end_pods(cluster)
    until(
        lambda: all(v.status == "available" for v in cinder.volumes() if v.id in volumes),
        "the volumes to be free",
        0.2,
    )
    detached = now() - start
    for name in _names():
        cluster.delete_claim(name)
    without, with_claims = statistics.median(floor), statistics.median(full)
    return {
        "burst20_pod_s": round(without, 2),
        "burst20_s": round(with_claims, 2),
        "burst20_ratio": round(with_claims / without, 2),
        "burst20_last_s": round(max(full), 2),
        "burst20_detached_s": round(detached, 2),
    }


def _names() -> list[str]:
    return [f"burst-{number}" for number in range(PODS)]


def _pods(cluster: Cluster, storage_class: str | None) -> list[float]:
    print(f"{PODS} pods {'with claims' if storage_class else 'without claims'}", file=sys.stderr)
    start = now()
    for number, name in enumerate(_names()):
        if storage_class:
            cluster.create_claim(name, storage_class)
        cluster.create_pod(name, name if storage_class else None, f"node{number % 2 + 1}")
    ready = cluster.ready_times(set(_names()))
    if not storage_class:
        _end_pods(cluster)
    return [moment - start for moment in ready.values()]


def _end_pods(cluster: Cluster) -> None:
    for name in _names():
        cluster.delete_pod(name)
    until(lambda: not cluster.pods(), "the pods to be gone")
