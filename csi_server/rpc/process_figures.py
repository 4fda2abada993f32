# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel counts of this process, by the names that all Prometheus clients give it.

Source: Prometheus, "Writing client libraries", process metrics; proc(5).
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator

from .instruments import Family, Sample

# proc(5) counts the fields of /proc/pid/stat from 1; the ones behind the command begin with the third.
_FIRST = 3
_UTIME, _STIME, _STARTTIME, _VSIZE, _RSS = 14, 15, 22, 23, 24


class ProcessFigures:
    """Reads them when it is asked. What the kernel does not let it read is left out."""

    def __init__(self) -> None:
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._booted = _booted()

    def collect(self) -> Iterator[Family]:
        with contextlib.suppress(OSError):
            yield from self._consumed()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield _gauge("max_fds", "The most file descriptors that may be open.", most)
        with contextlib.suppress(OSError):
            yield _gauge("open_fds", "Open file descriptors.", len(os.listdir("/proc/self/fd")))

    def _consumed(self) -> Iterator[Family]:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()

        def figure(number: int) -> int:
            return int(fields[number - _FIRST])

        cpu = (figure(_UTIME) + figure(_STIME)) / self._ticks
        started = self._booted + figure(_STARTTIME) / self._ticks
        yield _gauge("virtual_memory_bytes", "Virtual memory in bytes.", figure(_VSIZE))
        yield _gauge("resident_memory_bytes", "Resident memory in bytes.", figure(_RSS) * self._page)
        yield _gauge("start_time_seconds", "When the process began, in seconds since the epoch.", started)
        counted = [Sample(cpu, suffix="_total")]
        yield Family("process_cpu_seconds", "counter", "CPU time, user and system, in seconds.", counted)


def _gauge(name: str, help: str, value: float) -> Family:
    return Family(f"process_{name}", "gauge", help, [Sample(value)])


def _booted() -> int:
    with open("/proc/stat", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("btime "))
