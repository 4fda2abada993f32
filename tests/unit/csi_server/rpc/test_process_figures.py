# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of this process."""

from __future__ import annotations

import os
import resource
import time

from ansible_collections.mooring.storage.csi_server.rpc.instruments import Family
from ansible_collections.mooring.storage.csi_server.rpc.process_figures import ProcessFigures


def figures() -> dict[str, float]:
    return {family.name: _value(family) for family in ProcessFigures().collect()}


def _value(family: Family) -> float:
    (sample,) = family.samples
    return sample.value


def test_figures_are_the_kernels_own() -> None:
    before = figures()
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    resident = int(status["VmRSS"].split()[0]) * 1024
    assert abs(before["process_resident_memory_bytes"] - resident) < resident / 10
    assert before["process_virtual_memory_bytes"] > before["process_resident_memory_bytes"]
    assert before["process_max_fds"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0 < before["process_start_time_seconds"] < time.time()
    used = resource.getrusage(resource.RUSAGE_SELF)
    assert abs(before["process_cpu_seconds"] - used.ru_utime - used.ru_stime) < 1
    # Other tests' threads may open and close some too.
    opened = [os.open("/dev/null", os.O_RDONLY) for dummy in range(100)]
    assert figures()["process_open_fds"] > before["process_open_fds"] + 50
    for each in opened:
        os.close(each)


def test_without_a_free_descriptor_the_others_are_told_all_the_same() -> None:
    told = ProcessFigures()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        names = {family.name for family in told.collect()}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert names == {"process_max_fds"}
