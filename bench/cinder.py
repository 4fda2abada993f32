# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmark of the Cinder driver in the lab: build/bench/cinder.json, and a table beside the peer.

Run inside the lab, with the driver installed (`make bench`). Times depend on the machine, so what
counts are the ratios: a pod with a claim against a pod without, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import openstack

sys.path.insert(0, str(Path(__file__).parent))

from api_logs import ApiLogs
from cluster import Cluster, now

LAB = Path(os.environ.get("LAB_DIR", "/var/lib/mooring-lab"))
#: cloud-provider-openstack's Cinder driver v1.36, measured in a lab of the same build.
PEER = {
    "calls_alone": "19 to 26",
    "pvc_to_pod_s": "6.0",
    "pod_s": "2.4",
    "pvc_to_pod_ratio": "2.50",
    "detach_s": "7.0",
    "pod_gone_s": "",
    "rss_controller_mib": "38",
    "rss_node_mib": "37 + 18",
}
GOALS = {
    "calls_alone": 9,
    "pvc_to_pod_s": 4.5,
    "pvc_to_pod_ratio": 1.9,
    "detach_s": 2.0,
    "rss_controller_mib": 90,
    "rss_node_mib": 40,
}
#: Seconds for the kubelet to clear away what was there before: it would be counted against what comes.
SETTLE = 4.0
WHAT = {
    "calls_alone": "OpenStack calls of one volume's life",
    "pvc_to_pod_s": "claim applied to pod ready, s (median)",
    "pod_s": "the same without a claim, s (median)",
    "pvc_to_pod_ratio": "ratio of the two",
    "detach_s": "pod deleted to volume free, s (median)",
    "pod_gone_s": "of it, until the kubelet had stopped and unmounted, s",
    "rss_controller_mib": "memory of the controller's driver, MiB",
    "rss_node_mib": "memory of the node's driver, MiB",
}


def main() -> int:
    """Measure, write the file, print the table. A goal that is missed shows there, and fails nothing."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--storage-class", default="mooring-cinder")
    options.add_argument("--output", type=Path, default=Path("build/bench/cinder.json"))
    given = options.parse_args()
    cluster = Cluster(f"bench-{uuid.uuid4().hex[:6]}", "lab.local/busybox:1", "node1")
    cluster.create_namespace()
    try:
        figures, calls = measure(cluster, given.storage_class, given.rounds)
    finally:
        cluster.delete_namespace()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps({**figures, "calls_by_kind": calls}, indent=2) + "\n")
    print(table(figures, calls))
    return 0


def measure(cluster: Cluster, storage_class: str, rounds: int) -> tuple[dict[str, float], Counter[str]]:
    """Return the figures, and the calls of a median life by kind."""
    config = openstack.config.OpenStackConfig(config_files=[str(LAB / "etc" / "clouds.yaml")])
    cinder = openstack.connection.Connection(config=config.get_one(cloud="demo")).block_storage
    bare, full, gone, detach, lives = [], [], [], [], []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        bare.append(pod_alone(cluster, f"bare-{number}"))
        logs = ApiLogs({name: LAB / "log" / f"{name}-api-access.log" for name in ("cinder", "nova")})
        name = f"full-{number}"
        time.sleep(SETTLE)
        start = now()
        cluster.create_claim(name, storage_class)
        cluster.create_pod(name, name)
        full.append(cluster.ready_times({name})[name] - start)
        volume = cluster.volume_of(name)
        start = now()
        cluster.delete_pod(name)
        while cluster.has_pod(name):
            time.sleep(0.05)
        gone.append(now() - start)
        while cinder.get_volume(volume).status != "available":
            time.sleep(0.05)
        detach.append(now() - start)
        cluster.delete_claim(name)
        lives.append(logs.drivers_calls())
    lives.sort(key=lambda life: life.total())
    typical = lives[len(lives) // 2]
    controller, node = memory()
    with_claim, without = statistics.median(full), statistics.median(bare)
    return {
        "calls_alone": typical.total(),
        "pvc_to_pod_s": round(with_claim, 2),
        "pod_s": round(without, 2),
        "pvc_to_pod_ratio": round(with_claim / without, 2),
        "detach_s": round(statistics.median(detach), 2),
        "pod_gone_s": round(statistics.median(gone), 2),
        "rss_controller_mib": controller,
        "rss_node_mib": node,
    }, typical


def pod_alone(cluster: Cluster, name: str) -> float:
    time.sleep(SETTLE)
    start = now()
    cluster.create_pod(name, None)
    took = cluster.ready_times({name})[name] - start
    cluster.delete_pod(name)
    while cluster.has_pod(name):
        time.sleep(0.05)
    return took


def memory() -> tuple[float, float]:
    """Resident MiB of the driver's processes on all nodes: controller (or both in one), node."""
    find = (
        "for p in $(pgrep -f '[c]si_server'); do"
        " tr '\\0' ' ' </proc/$p/cmdline; grep VmRSS /proc/$p/status; done"
    )
    sizes: dict[bool, list[float]] = {True: [], False: []}
    for number in range(1, len(list((LAB / "uml").glob("node*"))) + 1):
        shell = [str(LAB / "bin" / "node-shell"), str(number), "-c", find]
        lines = subprocess.run(shell, capture_output=True, text=True, check=True, timeout=60).stdout
        for line in lines.splitlines():
            words = line.split("VmRSS:")
            if len(words) == 2:
                sizes["--provide-controller-service" in words[0]].append(int(words[1].split()[0]) / 1024)
    return round(max(sizes[True]), 1), round(max(sizes[False]), 1)


def table(figures: dict[str, float], calls: Counter[str]) -> str:
    """The figures beside the peer's, as text."""
    rows = [("", "ours", "goal", "peer")]
    rows += [(WHAT[n], str(v), str(GOALS.get(n, "")), PEER[n]) for n, v in figures.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(
        [*lines, "", "calls of one life:", *(f"  {n}  {call}" for call, n in sorted(calls.items()))]
    )


if __name__ == "__main__":
    sys.exit(main())
