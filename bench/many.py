# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred claims, made and deleted: what memory the driver has taken afterwards."""

from __future__ import annotations

import sys

import memory
from cluster import Cluster
from lab import until

CLAIMS = 200


def measure(cluster: Cluster, storage_class: str) -> dict[str, float]:
    """Memory of controller and nodes after that many volumes."""
    print(f"{CLAIMS} claims", file=sys.stderr)
    names = [f"many-{number}" for number in range(CLAIMS)]
    with cluster.immediate_class(storage_class) as immediate:
        for name in names:
            cluster.create_claim(name, immediate)
        until(lambda: cluster.bound_claims() >= set(names), "the claims to be bound", 0.5)
        for name in names:
            cluster.delete_claim_later(name)
        until(lambda: not cluster.volumes(), "the volumes to be gone", 0.5)
    return memory.measure()
