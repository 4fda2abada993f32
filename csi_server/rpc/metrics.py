# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program counts.

A label tells a kind, of which there are few and always the same: never an object, a name or an id.
Those are in the log, and as exemplars on single observations, which make no series.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

from .instruments import Counter, Family, Gauge, Histogram, Sample, Source
from .process_figures import ProcessFigures
from .readiness import Readiness

_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
#: Characters that OpenMetrics gives the labels of one exemplar.
_LONGEST_EXEMPLAR = 128
#: The outcome of a wait that came to its end; others are named by their error.
REACHED = "reached"


class Metrics:
    """The program's metrics.

    Three of those that begin with ``openstack_api_`` have the names and the values of ``request``
    that cloud-provider-openstack's driver has, so its dashboards keep working.

    :ivar queued: tells how many OpenStack requests wait.
    """

    def __init__(self) -> None:
        self.queued: Callable[[], float] = lambda: 0
        self.rpc_seconds = Histogram(
            "csi_rpc_duration_seconds",
            "Time of each RPC by its method and status.",
            ["method", "code"],
            _BUCKETS,
        )
        self.rpc_in_flight = Gauge("csi_rpc_in_flight", "RPCs being served now.", ["method"])
        self.openstack_seconds = Histogram(
            "openstack_api_request_duration_seconds", "Time of each OpenStack request.", ["request"], _BUCKETS
        )
        self.openstack_requests = Counter("openstack_api_requests", "OpenStack requests.", ["request"])
        self.openstack_errors = Counter(
            "openstack_api_request_errors",
            "OpenStack requests that failed, an answer that there is no such object included.",
            ["request"],
        )
        self.openstack_failures = Counter(
            "openstack_api_request_failures",
            "OpenStack requests that failed, by what that means.",
            ["request", "error"],
        )
        self.openstack_retries = Counter(
            "openstack_api_request_retries",
            "OpenStack requests that were sent again, by the HTTP status that asked for it.",
            ["request", "status"],
        )
        self.openstack_in_flight = Gauge(
            "openstack_api_requests_in_flight", "OpenStack requests without an answer yet.", ["request"]
        )
        self.wait_seconds = Histogram(
            "csi_wait_duration_seconds",
            "Time of each wait, by what was waited for and how it ended.",
            ["target", "outcome"],
            _BUCKETS,
        )
        self.wait_looks = Counter(
            "csi_wait_looks", "Looks at an object that was waited for, by what was waited for.", ["target"]
        )
        self._sources: list[Source] = [
            self.rpc_seconds,
            self.rpc_in_flight,
            self.openstack_seconds,
            self.openstack_requests,
            self.openstack_errors,
            self.openstack_failures,
            self.openstack_retries,
            self.openstack_in_flight,
            self.wait_seconds,
            self.wait_looks,
            ProcessFigures(),
        ]

    def describe(self, driver: str, version: str) -> None:
        """Show what runs here."""
        about = {"driver": driver, "version": version, "python": sys.version.split()[0]}
        self.watch(_Constant(Family("csi_build", "info", "What runs here.", [Sample(1, about, "_info")])))

    def watch(self, source: Source) -> None:
        """Show what a source tells as well."""
        self._sources.append(source)

    def collect(self) -> Iterator[Family]:
        """Yield all metrics as they are now."""
        for source in self._sources:
            yield from source.collect()
        yield Family(
            "openstack_api_requests_queued",
            "gauge",
            "OpenStack requests that wait until the cloud has answered others.",
            [Sample(self.queued())],
        )


class _Constant:
    """Tells one thing, always the same."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterator[Family]:
        yield self._family


class Parts:
    """Which parts of the program are ready: read when it is asked for, so that it is never stale."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> Iterator[Family]:
        ready = [
            Sample(0 if reason else 1, {"part": part}) for part, reason in self._readiness.parts().items()
        ]
        yield Family("csi_ready", "gauge", "Whether a part of the program can do its work.", ready)


def exemplar(labels: Mapping[str, str]) -> dict[str, str] | None:
    """Return labels as an exemplar, None where there is nothing to tell or no room to tell it."""
    told = {name: value for name, value in labels.items() if value}
    length = sum(len(name) + len(value) for name, value in told.items())
    return told if 0 < length <= _LONGEST_EXEMPLAR else None
