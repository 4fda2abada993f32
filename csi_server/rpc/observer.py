# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what the cloud layer does, and notes its requests with the RPC that they are made for."""

from __future__ import annotations

from ...plugins.module_utils._cloud.observing import Call, Wait
from . import trace
from .metrics import REACHED, Metrics, exemplar


class CloudObserver:
    """See _cloud.observing.Observer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def begins(self, name: str) -> None:
        self._metrics.openstack_in_flight.labels(name).inc()

    def ends(self, call: Call) -> None:
        trace.add(call.request_id)
        metrics = self._metrics
        metrics.openstack_in_flight.labels(call.name).dec()
        metrics.openstack_requests.labels(call.name).inc()
        shown = exemplar({"request_id": call.request_id})
        metrics.openstack_seconds.labels(call.name).observe(call.seconds, shown)
        if call.error:
            metrics.openstack_errors.labels(call.name).inc()
            metrics.openstack_failures.labels(call.name, call.error).inc(exemplar=shown)
        if call.repeats:
            metrics.openstack_retries.labels(call.name, str(call.repeats)).inc()

    def waited(self, wait: Wait) -> None:
        self._metrics.wait_seconds.labels(wait.kind, wait.error or REACHED).observe(wait.seconds)
        self._metrics.wait_looks.labels(wait.kind).inc(wait.looks)
