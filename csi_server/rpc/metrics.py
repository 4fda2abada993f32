# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program counts.

A label tells a kind, of which there are few and always the same: never an object, a name or an id.
Those are in the log, and as exemplars on single observations, which make no series.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from .readiness import Readiness

_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
#: Characters that OpenMetrics gives the labels of one exemplar.
_LONGEST_EXEMPLAR = 128
#: The outcome of a wait that came to its end; others are named by their error.
REACHED = "reached"


class Metrics:
    """The program's metrics, in a registry of its own.

    Three of those that begin with ``openstack_api_`` have the names and the values of ``request``
    that cloud-provider-openstack's driver has, so its dashboards keep working.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.rpc_seconds = Histogram(
            "csi_rpc_duration_seconds",
            "Time of each RPC by its method and status.",
            ["method", "code"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.rpc_in_flight = Gauge(
            "csi_rpc_in_flight", "RPCs being served now.", ["method"], registry=self.registry
        )
        self.openstack_seconds = Histogram(
            "openstack_api_request_duration_seconds",
            "Time of each OpenStack request.",
            ["request"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.openstack_requests = Counter(
            "openstack_api_requests", "OpenStack requests.", ["request"], registry=self.registry
        )
        self.openstack_errors = Counter(
            "openstack_api_request_errors",
            "OpenStack requests that failed, an answer that there is no such object included.",
            ["request"],
            registry=self.registry,
        )
        self.openstack_failures = Counter(
            "openstack_api_request_failures",
            "OpenStack requests that failed, by what that means.",
            ["request", "error"],
            registry=self.registry,
        )
        self.openstack_retries = Counter(
            "openstack_api_request_retries",
            "OpenStack requests that were sent again, by the HTTP status that asked for it.",
            ["request", "status"],
            registry=self.registry,
        )
        self.openstack_in_flight = Gauge(
            "openstack_api_requests_in_flight",
            "OpenStack requests without an answer yet.",
            ["request"],
            registry=self.registry,
        )
        self.openstack_queued = Gauge(
            "openstack_api_requests_queued",
            "OpenStack requests that wait until the cloud has answered others.",
            registry=self.registry,
        )
        self.wait_seconds = Histogram(
            "csi_wait_duration_seconds",
            "Time of each wait, by what was waited for and how it ended.",
            ["target", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.wait_looks = Counter(
            "csi_wait_looks",
            "Looks at an object that was waited for, by what was waited for.",
            ["target"],
            registry=self.registry,
        )
        self._build = Info("csi_build", "What runs here.", registry=self.registry)
        ProcessCollector(registry=self.registry)

    def describe(self, driver: str, version: str) -> None:
        """Show what runs here."""
        self._build.info({"driver": driver, "version": version, "python": platform.python_version()})

    def watch(self, readiness: Readiness) -> None:
        """Show which parts of the program are ready."""
        self.registry.register(_Parts(readiness))


class _Parts(Collector):
    """One gauge for each part of the program: read when it is asked for, so that it is never stale."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> Iterable[Metric]:
        ready = GaugeMetricFamily(
            "csi_ready", "Whether a part of the program can do its work.", labels=["part"]
        )
        for part, reason in self._readiness.parts().items():
            ready.add_metric([part], 0 if reason else 1)
        return [ready]


def exemplar(labels: Mapping[str, str]) -> dict[str, str] | None:
    """Return labels as an exemplar, None where there is nothing to tell or no room to tell it."""
    told = {name: value for name, value in labels.items() if value}
    length = sum(len(name) + len(value) for name, value in told.items())
    return told if 0 < length <= _LONGEST_EXEMPLAR else None
