# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One claim and one pod at a time: calls of a volume's life, and how long a pod waits for its volume."""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from api_logs import ApiLogs
from cluster import Cluster
from lab import cloud, now, until

#: Seconds for the kubelet to end what it is at: it would be counted against what comes. A pod that is deleted
#: in the moment in which it is ready takes two seconds more.
SETTLE = 4.0


def measure(cluster: Cluster, storage_class: str, rounds: int) -> tuple[dict[str, float], Counter[str]]:
    """Return the figures, and the calls of a median life by kind."""
    cinder = cloud().block_storage
    bare, full, gone, detach, lives = [], [], [], [], []
    for number in range(rounds):
        print(f"alone: round {number + 1} of {rounds}", file=sys.stderr)
        bare.append(_pod(cluster, f"bare-{number}"))
        logs = ApiLogs.of_the_lab()
        name = f"full-{number}"
        time.sleep(SETTLE)
        start = now()
        cluster.create_claim(name, storage_class)
        cluster.create_pod(name, [name])
        full.append(cluster.ready_times({name})[name] - start)
        volume = cluster.volume_of(name)
        time.sleep(SETTLE)
        start = now()
        cluster.delete_pod(name)
        until(lambda: not cluster.pods(), f"pod {name} to be gone", 0.05)
        gone.append(now() - start)
        until(_is_free(cinder, volume), f"volume {volume} to be free", 0.05)
        detach.append(now() - start)
        cluster.delete_claim(name)
        lives.append(logs.drivers_calls())
    lives.sort(key=lambda life: life.total())
    typical = lives[len(lives) // 2]
    with_claim, without = statistics.median(full), statistics.median(bare)
    return {
        "calls_alone": typical.total(),
        "pvc_to_pod_s": round(with_claim, 2),
        "pod_s": round(without, 2),
        "pvc_to_pod_ratio": round(with_claim / without, 2),
        "detach_s": round(statistics.median(detach), 2),
        "pod_gone_s": round(statistics.median(gone), 2),
    }, typical


def _is_free(cinder: Any, volume: str) -> Callable[[], bool]:
    return lambda: cinder.get_volume(volume).status == "available"


def _pod(cluster: Cluster, name: str) -> float:
    """How long a pod without a claim takes."""
    time.sleep(SETTLE)
    start = now()
    cluster.create_pod(name)
    took = cluster.ready_times({name})[name] - start
    cluster.delete_pod(name)
    until(lambda: not cluster.pods(), f"pod {name} to be gone", 0.05)
    return took
