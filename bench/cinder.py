# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmark of the Cinder driver in the lab: build/bench/cinder.json, and a table beside the peer.

Run inside the lab, with the driver installed (`make bench`). Times depend on the machine, so what
counts are the ratios: a pod with a claim against a pod without, the driver against the plain API,
each measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import alone
import burst
import claims
import many
import scale
from cluster import Cluster
from table import table

PARTS = ("alone", "burst", "claims", "many", "scale")


def main() -> int:
    """Measure, write the file, print the table. A goal that is missed shows there, and fails nothing."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=4)
    options.add_argument("--storage-class", default="fast")
    options.add_argument("--volume-type", default="fast")
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--output", type=Path, default=Path("build/bench/cinder.json"))
    given = options.parse_args()
    figures: dict[str, float] = {}
    calls: dict[str, Counter[str]] = {}
    cluster = Cluster(f"bench-{uuid.uuid4().hex[:6]}", "lab.local/busybox:1")
    cluster.create_namespace()
    try:
        if "alone" in given.parts:
            found, calls["calls of one life"] = alone.measure(cluster, given.storage_class, given.rounds)
            figures |= found
        if "burst" in given.parts:
            found, calls[f"calls of {burst.VOLUMES} lives at once"] = burst.measure(
                cluster, given.volume_type
            )
            figures |= found
        if "claims" in given.parts:
            figures |= claims.measure(cluster, given.storage_class)
        if "many" in given.parts:
            figures |= many.measure(cluster, given.storage_class)
        if "scale" in given.parts:
            figures |= scale.measure()
    finally:
        cluster.delete_namespace()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps({**figures, "calls_by_kind": calls}, indent=2) + "\n")
    print(table(figures, calls))
    return 0


if __name__ == "__main__":
    sys.exit(main())
