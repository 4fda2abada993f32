# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's metrics as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ansible_collections.mooring.storage.csi_server.rpc.exposition import prometheus
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics


def samples(metrics: Metrics) -> Iterator[Sample]:
    for family in text_string_to_metric_families(prometheus(metrics.collect()).decode()):
        yield from family.samples


def value(metrics: Metrics, name: str, labels: Mapping[str, str]) -> float | None:
    """The value of one series, None when there is none."""
    return next((each.value for each in samples(metrics) if (each.name, each.labels) == (name, labels)), None)
