# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures beside the goals and the peer, as text.

The peer is cloud-provider-openstack's Cinder driver v1.36, measured in a lab of the same build.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """What a figure means, the goal, and the peer's figure."""

    what: str
    goal: str = ""
    peer: str = ""


ROWS = {
    "calls_alone": Row("OpenStack calls of one volume's life, alone", "9", "19 to 26"),
    "calls_burst": Row("the same, a volume, of 50 at once", "6"),
    "burst_s": Row("50 volumes at once through the driver, s"),
    "burst_plain_s": Row("50 volumes by plain API, s"),
    "burst_overhead": Row("ratio of the two", "1.10"),
    "pvc_to_pod_s": Row("claim applied to pod ready, s (median)", "4.5", "6.0"),
    "pod_s": Row("the same without a claim, s (median)", "", "2.4"),
    "pvc_to_pod_ratio": Row("ratio of the two", "1.9", "2.50"),
    "calls_burst20": Row("the same, a volume, of 20 claims and pods at once", "", "26"),
    "burst20_s": Row("20 claims and pods at once, s (median)", "", "52.0"),
    "burst20_pod_s": Row("20 pods at once, s (median)", "", "29.4"),
    "burst20_ratio": Row("ratio of the two", "1.25", "1.77"),
    "burst20_last_s": Row("20 claims and pods at once, the last, s", "", "63.7"),
    "burst20_detached_s": Row("20 pods deleted at once to the last volume free, s", "", "34.6"),
    "detach_s": Row("pod deleted to volume free, s (median)", "2.0", "7.0"),
    "pod_gone_s": Row("of it, until the kubelet had stopped and unmounted, s"),
    "rss_controller_mib": Row("memory of the controller's driver after 200 volumes, MiB", "90", "38"),
    "rss_node_mib": Row("memory of the node's driver, MiB", "40", "37 + 18"),
    "look_one_s": Row("Cinder answers for one volume, s"),
}


def table(figures: Mapping[str, float], calls: Mapping[str, Counter[str]]) -> str:
    """Lay the figures out in the order of ROWS, then those that ROWS does not know.

    :param calls: what was counted, by the title of the list.
    """
    names = [*(name for name in ROWS if name in figures), *(name for name in figures if name not in ROWS)]
    known = [(name, ROWS.get(name, Row(name))) for name in names]
    rows = [("", "ours", "goal", "peer")]
    rows += [(row.what, str(figures[name]), row.goal, row.peer) for name, row in known]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    for title, counted in calls.items():
        lines += ["", f"{title}:", *(f"  {n}  {call}" for call, n in sorted(counted.items()))]
    return "\n".join(lines)
