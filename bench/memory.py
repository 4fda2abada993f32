# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resident memory of the installed driver's processes."""

from __future__ import annotations

from lab import on_each_node

FIND = (
    "for p in $(pgrep -f '[c]si_server'); do tr '\\0' ' ' </proc/$p/cmdline; grep VmRSS /proc/$p/status; done"
)


def measure() -> dict[str, float]:
    """The largest controller's and the largest node's MiB."""
    sizes: dict[bool, list[float]] = {True: [], False: []}
    for written in on_each_node(FIND):
        for line in written.splitlines():
            words = line.split("VmRSS:")
            if len(words) == 2:
                sizes[" --provide-controller-service" in words[0]].append(int(words[1].split()[0]) / 1024)
    return {"rss_controller_mib": round(max(sizes[True]), 1), "rss_node_mib": round(max(sizes[False]), 1)}
