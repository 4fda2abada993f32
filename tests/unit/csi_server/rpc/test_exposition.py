# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics as text, read back by the parsers of prometheus_client."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from ansible_collections.mooring.storage.csi_server.rpc.exposition import (
    OPENMETRICS,
    PROMETHEUS,
    Form,
    chosen,
    openmetrics,
    prometheus,
)
from ansible_collections.mooring.storage.csi_server.rpc.instruments import (
    Counter,
    Family,
    Gauge,
    Histogram,
    Sample,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
# The parser of Prometheus' format takes each of these for the end of a line; Prometheus itself does not.
LINES = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"

PROMETHEUS_3 = ",".join(
    [
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6",
        "application/openmetrics-text;version=0.0.1;q=0.5",
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4",
        "*/*;q=0.2",
    ]
)


def families() -> list[Family]:
    seconds = Histogram("a_seconds", "How long.", ["method"], [0.5, 2])
    seconds.labels("Create").observe(0.5, {"volume": "pvc-1"})
    seconds.labels("Create").observe(1.5)
    seconds.labels("Create").observe(99.0, {"volume": "pvc-2"})
    calls = Counter("a_calls", "How many.", ["request", "error"])
    calls.labels("volume_create", "Busy").inc(2, {"request_id": "req-1"})
    calls.labels("volume_create", "Busy").inc()
    calls.labels("volume_list", "Busy")
    waiting = Gauge("a_waiting", "Now.", [])
    waiting.labels().inc(3)
    waiting.labels().dec()
    build = Family("a_build", "info", "What runs.", [Sample(1, {"version": "1"}, "_info")])
    return [family for each in (seconds, calls, waiting) for family in each.collect()] + [build]


def values(read: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {(s.name, frozenset(s.labels.items())): s.value for family in read for s in family.samples}


WANTED = {
    ("a_seconds_bucket", frozenset({("method", "Create"), ("le", "0.5")})): 1,
    ("a_seconds_bucket", frozenset({("method", "Create"), ("le", "2.0")})): 2,
    ("a_seconds_bucket", frozenset({("method", "Create"), ("le", "+Inf")})): 3,
    ("a_seconds_count", frozenset({("method", "Create")})): 3,
    ("a_seconds_sum", frozenset({("method", "Create")})): 101,
    ("a_calls_total", frozenset({("request", "volume_create"), ("error", "Busy")})): 3,
    ("a_calls_total", frozenset({("request", "volume_list"), ("error", "Busy")})): 0,
    ("a_waiting", frozenset()): 2,
    ("a_build_info", frozenset({("version", "1")})): 1,
}


def test_prometheus_reads_every_value_and_kind() -> None:
    read = list(read_prometheus(prometheus(families()).decode()))
    assert values(read) == WANTED
    kinds = {family.name: family.type for family in read}
    assert kinds == {
        "a_seconds": "histogram",
        "a_calls": "counter",
        "a_waiting": "gauge",
        "a_build_info": "gauge",
    }


def test_openmetrics_has_the_same_and_exemplars() -> None:
    read = list(read_openmetrics(openmetrics(families()).decode()))
    assert values(read) == WANTED
    assert {family.name: family.type for family in read} == {
        "a_seconds": "histogram",
        "a_calls": "counter",
        "a_waiting": "gauge",
        "a_build": "info",
    }
    exemplars = {
        s.labels.get("le", s.name): (s.exemplar.labels, s.exemplar.value)
        for family in read
        for s in family.samples
        if s.exemplar
    }
    assert exemplars == {
        "0.5": ({"volume": "pvc-1"}, 0.5),
        "+Inf": ({"volume": "pvc-2"}, 99),
        "a_calls_total": ({"request_id": "req-1"}, 2),
    }


@given(label=TEXTS, help=TEXTS)
def test_any_text_is_read_back_from_openmetrics(label: str, help: str) -> None:
    family = Family("a", "gauge", help, [Sample(1, {"label": label})])
    (read,) = read_openmetrics(openmetrics([family]).decode())
    assert (read.samples[0].labels["label"], read.documentation) == (label, help)


@given(label=st.text(st.characters(exclude_categories=["Cs"], exclude_characters=LINES)))
def test_any_label_is_read_back_from_prometheus(label: str) -> None:
    family = Family("a", "gauge", 'A "quoted" \\ help\nof two lines.', [Sample(1, {"label": label})])
    (read,) = read_prometheus(prometheus([family]).decode())
    assert (read.samples[0].labels["label"], read.documentation) == (label, family.help)


def test_what_is_no_utf_8_is_told_all_the_same() -> None:
    family = Family("a", "gauge", "Help.", [Sample(1, {"label": "\udcff"})])
    assert rb'{label="\udcff"}' in openmetrics([family])


@pytest.mark.parametrize(
    ("accepted", "form"),
    [
        ("", PROMETHEUS),
        ("*/*", PROMETHEUS),
        ("text/html, application/json;q=0.9", PROMETHEUS),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", OPENMETRICS),
        ("application/openmetrics-text; version=0.0.1", PROMETHEUS),
        ("application/openmetrics-text; version=", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.x", PROMETHEUS),
        ("text/plain;version=0.0.4, application/openmetrics-text", PROMETHEUS),
        (PROMETHEUS_3, OPENMETRICS),
    ],
)
def test_the_first_form_that_can_be_written_is_chosen(accepted: str, form: Form) -> None:
    assert chosen(accepted) is form


@given(st.text())
def test_no_header_is_too_odd(accepted: str) -> None:
    assert chosen(accepted) in (PROMETHEUS, OPENMETRICS)


def test_labels_that_are_too_few_are_a_fault() -> None:
    with pytest.raises(ValueError, match="a_calls has the labels"):
        Counter("a_calls", "How many.", ["request", "error"]).labels("volume_create")
