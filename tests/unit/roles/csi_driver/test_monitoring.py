# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboard and alerts name metrics, labels and values that the driver has, and are explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.rpc.metrics import REACHED, Metrics, Parts
from ansible_collections.mooring.storage.csi_server.rpc.readiness import Readiness
from ansible_collections.mooring.storage.plugins.module_utils._cloud import errors

CHECKOUT = Path(__file__).resolve().parents[4]
FILES = CHECKOUT / "roles" / "csi_driver" / "files" / "monitoring"
DASHBOARD = json.loads((FILES / "grafana-dashboard.json").read_text(encoding="utf-8"))
RULES = [
    rule
    for group in yaml.safe_load((FILES / "prometheus-rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DOCUMENT = (CHECKOUT / "docs" / "monitoring.md").read_text(encoding="utf-8")

#: Of kube-state-metrics: the driver cannot tell of a node that it is not on.
FOREIGN = {"kube_daemonset_status_desired_number_scheduled", "kube_daemonset_status_number_ready"}
WHERE = {"namespace", "pod", "instance", "daemonset"}
SUFFIXES = {
    "histogram": ("_bucket", "_count", "_sum"),
    "counter": ("_total",),
    "gauge": ("",),
    "info": ("_info",),
}
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
VALUES = {
    "code": {code.name for code in grpc.StatusCode},
    "error": ERRORS,
    "outcome": ERRORS | {REACHED},
    "method": {
        method.name for service in csi.DESCRIPTOR.services_by_name.values() for method in service.methods
    },
    "driver": {names.DRIVER},
    "request": {"token_create"},
    # Controllers have one a cloud, by its name.
    "part": {"cloud.*"},
    "daemonset": {"csi-cinder-nodeplugin"},
}

MATCHERS = re.compile(r"{([^{}]*)}")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
WORD = re.compile(r"\b[A-Za-z_:][\w:]*\b(?!\s*\()")
OPERATORS = {"and", "or", "unless", "bool", "offset"}


def panels() -> Iterator[dict[str, Any]]:
    yield from DASHBOARD["panels"]


def queries() -> Iterator[tuple[str, str]]:
    """Each PromQL expression, and where it stands."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
            yield f"variable {variable['name']}", f"count by ({label}) ({metric})"


def known() -> tuple[set[str], set[str]]:
    """Names of the driver's series and of their labels."""
    metrics = Metrics()
    metrics.describe(names.DRIVER, "1")
    readiness = Readiness()
    readiness.lacks("cloud", "nothing")
    metrics.watch(Parts(readiness))
    for instrument in vars(metrics).values():
        # Something has to be counted before labels show.
        if wanted := getattr(instrument, "_labels", ()):
            instrument.labels(*wanted)
    series, labels = set(), {"le"}
    for shown in metrics.collect():
        series |= {shown.name + suffix for suffix in SUFFIXES[shown.kind]}
        for sample in shown.samples:
            labels |= set(sample.labels)
    return series, labels


SERIES, LABELS = known()


def faults(expression: str) -> list[str]:
    """What an expression names that the driver does not have."""
    found = []
    for matchers in MATCHERS.findall(expression):
        for label, value in MATCHER.findall(matchers):
            if label not in LABELS | WHERE:
                found.append(f"label {label}")
            elif not value.startswith("$"):
                found += [f"{label} {v}" for v in value.split("|") if v and v not in VALUES[label]]
    bare = re.sub(r'"[^"]*"', "", MATCHERS.sub("", expression))
    for grouped in GROUPING.findall(bare):
        found += [
            f"label {label}"
            for label in re.split(r"[,\s]+", grouped.strip())
            if label and label not in LABELS | WHERE
        ]
    bare = re.sub(r"\[[^]]*]", "", GROUPING.sub("", bare))
    named = {word for word in WORD.findall(bare) if word not in OPERATORS}
    return (
        found + [f"metric {name}" for name in sorted(named - SERIES - FOREIGN)] + ([] if named else ["none"])
    )


@pytest.mark.parametrize(("where", "expression"), list(queries()))
def test_a_query_names_what_exists(where: str, expression: str) -> None:
    assert faults(expression) == [], where
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(csi_rpc_seconds_count[5m])", "metric csi_rpc_seconds_count"),
        ("csi_rpc_duration_seconds", "metric csi_rpc_duration_seconds"),
        ('csi_ready{piece="x"}', "label piece"),
        ("sum by (verb) (csi_ready)", "label verb"),
        ('rate(csi_rpc_duration_seconds_count{code="BROKEN"}[5m])', "code BROKEN"),
        ("sum(1)", "none"),
    ],
)
def test_a_wrong_name_is_seen(expression: str, fault: str) -> None:
    assert fault in faults(expression)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_tells_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    said = rule["annotations"]
    assert said["summary"].endswith(".")
    assert said["description"].endswith(".")
    assert said["runbook"] == f"docs/monitoring.md#{rule['alert'].lower()}"


def test_the_alert_on_requests_has_every_way_in_which_a_cloud_does_not_serve() -> None:
    (rule,) = (rule for rule in RULES if rule["alert"] == "CinderCSIOpenStackErrors")
    named = set(re.search(r'error=~"([^"]*)"', rule["expr"])[1].split("|"))
    unavailable = {name for name in ERRORS if issubclass(getattr(errors, name), errors.Unavailable)}
    assert named == unavailable | {"Forbidden"}
    explained = DOCUMENT.partition(f"### {rule['alert']}\n")[2].partition("\n### ")[0]
    assert named <= set(re.findall(r"^- `(\w+)`:", explained, re.MULTILINE))


def test_the_document_explains_every_alert_and_no_other() -> None:
    explained = re.findall(r"^### (CinderCSI\w+)$", DOCUMENT, re.MULTILINE)
    assert sorted(explained) == sorted(rule["alert"] for rule in RULES)


def test_the_document_lists_every_metric() -> None:
    listed = set(
        re.findall(r"^\| `([a-z_]+)` \|", DOCUMENT.partition("## Metrics")[2].partition("## ")[0], re.M)
    )
    metrics = Metrics()
    metrics.describe(names.DRIVER, "1")
    wanted = {
        family.prometheus_name for family in metrics.collect() if not family.name.startswith("process_")
    }
    assert listed == wanted | {"csi_ready"}


def test_the_document_lists_everything_that_is_waited_for() -> None:
    folders = CHECKOUT / "plugins" / "module_utils" / "_cloud", CHECKOUT / "csi_server"
    named = re.compile(r'(?:LearnedPace\(|observed_wait\(self\._observer, |^SETTLED = )"(\w+)"', re.M)
    kinds = {
        kind
        for folder in folders
        for path in folder.rglob("*.py")
        for kind in named.findall(path.read_text(encoding="utf-8"))
    }
    assert {"volume_filled", "device_size", "attachment_settled"} <= kinds
    assert not {kind for kind in kinds if f"`{kind}`" not in DOCUMENT}


def test_the_panels_of_the_dashboard_lie_side_by_side() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(list(panels()))


def test_the_dashboard_asks_the_data_source_that_was_chosen() -> None:
    for panel in panels():
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"


def test_a_share_of_failures_is_none_where_nothing_failed() -> None:
    # What never happened has no series, and a share of it would be "No data".
    (share,) = [panel for panel in panels() if panel["title"] == "RPCs that fail"]
    assert share["targets"][0]["expr"].partition(" / ")[0].endswith(" or vector(0))")
