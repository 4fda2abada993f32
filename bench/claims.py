# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty claims and pods at once, beside twenty pods."""

from __future__ import annotations

import statistics
import sys
import time

from api_logs import ApiLogs
from cluster import Cluster
from lab import cloud, now, until

PODS = 20
ROUNDS = 3
#: Seconds for the nodes to end what pods that are gone left them to do: the next ones would pay for it.
SETTLE = 12.0


def measure(cluster: Cluster, storage_class: str) -> dict[str, float]:
    """The medians of the rounds, as the time from the first request to each pod's readiness."""
    floors, fulls, lasts, detached, calls = [], [], [], [], []
    for number in range(ROUNDS):
        print(f"claims: round {number + 1} of {ROUNDS}", file=sys.stderr)
        floors.append(statistics.median(_pods(cluster, None)))
        _end_pods(cluster)
        logs = ApiLogs.of_the_lab()
        full = _pods(cluster, storage_class)
        fulls.append(statistics.median(full))
        lasts.append(max(full))
        detached.append(_detached(cluster))
        for name in _names():
            cluster.delete_claim(name)
        calls.append(logs.drivers_calls().total() / PODS)
    without, with_claims = statistics.median(floors), statistics.median(fulls)
    return {
        "burst20_pod_s": round(without, 2),
        "burst20_s": round(with_claims, 2),
        "burst20_ratio": round(with_claims / without, 2),
        "burst20_last_s": round(statistics.median(lasts), 2),
        "burst20_detached_s": round(statistics.median(detached), 2),
        "calls_burst20": round(statistics.median(calls), 2),
    }


def _detached(cluster: Cluster) -> float:
    """Seconds from the first pod's deletion until all of their volumes are free."""
    volumes = {cluster.volume_of(name) for name in _names()}
    cinder = cloud().block_storage
    start = now()
    _end_pods(cluster)
    until(
        lambda: all(v.status == "available" for v in cinder.volumes() if v.id in volumes),
        "the volumes to be free",
        0.2,
    )
    return now() - start


def _names() -> list[str]:
    return [f"burst-{number}" for number in range(PODS)]


def _pods(cluster: Cluster, storage_class: str | None) -> list[float]:
    time.sleep(SETTLE)
    start = now()
    for number, name in enumerate(_names()):
        if storage_class:
            cluster.create_claim(name, storage_class)
        cluster.create_pod(name, [name] if storage_class else [], f"node{number % 2 + 1}")
    ready = cluster.ready_times(set(_names()))
    return [moment - start for moment in ready.values()]


def _end_pods(cluster: Cluster) -> None:
    for name in _names():
        cluster.delete_pod(name)
    until(lambda: not cluster.pods(), "the pods to be gone")
