# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred claims, mounted and deleted: what memory the driver has taken afterwards."""

from __future__ import annotations

import sys

import memory
from cluster import Cluster
from lab import until

CLAIMS = 200
#: Volumes that one pod has; a node of the lab takes 15.
MOUNTED = 12


def measure(cluster: Cluster, storage_class: str) -> dict[str, float]:
    """Memory of controller and nodes after that many volumes."""
    with cluster.immediate_class(storage_class) as immediate:
        for first in range(0, CLAIMS, 2 * MOUNTED):
            print(f"many: {first} of {CLAIMS} claims", file=sys.stderr)
            claims = [f"many-{number}" for number in range(first, min(first + 2 * MOUNTED, CLAIMS))]
            _mount(cluster, immediate, claims)
        until(lambda: not cluster.volumes(), "the volumes to be gone", 0.5)
    return memory.measure()


def _mount(cluster: Cluster, storage_class: str, claims: list[str]) -> None:
    """Make claims, have both nodes mount half of them, and ask for all of it to be deleted again."""
    for claim in claims:
        cluster.create_claim(claim, storage_class)
    pods = {"many-one": claims[0::2], "many-other": claims[1::2]}
    for node, (pod, mounted) in enumerate(pods.items(), start=1):
        cluster.create_pod(pod, mounted, f"node{node}")
    cluster.ready_times(set(pods))
    for pod in pods:
        cluster.delete_pod(pod)
    until(lambda: not cluster.pods(), "the pods to be gone", 0.5)
    for claim in claims:
        cluster.delete_claim_later(claim)
