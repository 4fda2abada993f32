# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The program's metrics, in a registry of its own.

    Those that begin with ``openstack_api_`` have the names and the values of ``request`` that
    cloud-provider-openstack's driver has, so its dashboards keep working.
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
            "OpenStack requests that failed.",
            ["request"],
            registry=self.registry,
        )
        self.openstack_in_flight = Gauge(
            "openstack_api_in_flight", "OpenStack requests being carried out now.", registry=self.registry
        )
        self.openstack_waiting = Gauge(
            "openstack_api_waiting",
            "OpenStack requests that wait until the cloud has answered others.",
            registry=self.registry,
        )
