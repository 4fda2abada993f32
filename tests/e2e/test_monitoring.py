# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus and Grafana get: the metrics of the pods that run, and the objects that the role makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.objects import DRIVER
from ansible_collections.mooring.storage.tests.e2e.plays import run_play
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

FILES = Path(__file__).resolve().parents[2] / "roles" / "csi_driver" / "files" / "monitoring"
SYSTEM = "kube-system"


def scraped(app):
    """Samples of each pod of an app: a list of (name, labels, value)."""
    pods = json.loads(kubectl("get", "pods", "-n", SYSTEM, "-l", f"app={app}", "-o", "json"))["items"]
    for pod in pods:
        ports = [port for c in pod["spec"]["containers"] for port in c.get("ports", ())]
        (number,) = (port["containerPort"] for port in ports if port["name"] == "http")
        path = f"/api/v1/namespaces/{SYSTEM}/pods/{pod['metadata']['name']}:{number}/proxy/metrics"
        families = text_string_to_metric_families(kubectl("get", "--raw", path))
        yield [(s.name, s.labels, s.value) for family in families for s in family.samples]


@pytest.mark.parametrize(
    ("app", "part"), [("csi-cinder-controllerplugin", "cloud"), ("csi-cinder-nodeplugin", "kubelet")]
)
def test_each_pod_tells_what_runs_and_that_it_is_ready(app, part):
    pods = list(scraped(app))
    assert pods
    for samples in pods:
        assert ("csi_ready", {"part": part}, 1.0) in samples
        assert [labels["driver"] for name, labels, dummy in samples if name == "csi_build_info"] == [DRIVER]


CONTROLLER, NODE = "csi-cinder-controllerplugin", "csi-cinder-nodeplugin"
#: What one life of a volume adds to, by app, name and labels.
COUNTED = [
    (CONTROLLER, "csi_rpc_duration_seconds_count", {"method": "CreateVolume", "code": "OK"}),
    (CONTROLLER, "csi_rpc_duration_seconds_count", {"method": "ControllerPublishVolume", "code": "OK"}),
    (CONTROLLER, "csi_wait_duration_seconds_count", {"target": "volume_available", "outcome": "reached"}),
    (CONTROLLER, "csi_wait_duration_seconds_count", {"target": "volume_attached", "outcome": "reached"}),
    (CONTROLLER, "openstack_api_requests_total", {"request": "volume_create"}),
    (CONTROLLER, "openstack_api_requests_total", {"request": "volume_attach"}),
    (NODE, "csi_rpc_duration_seconds_count", {"method": "NodeStageVolume", "code": "OK"}),
    (NODE, "csi_rpc_duration_seconds_count", {"method": "NodePublishVolume", "code": "OK"}),
]


def counted():
    """What the pods of an app have counted together, in the order of COUNTED."""
    samples = {app: [each for pod in scraped(app) for each in pod] for app in (CONTROLLER, NODE)}
    return [
        sum(value for name, has, value in samples[app] if name == wanted and labels.items() <= has.items())
        for app, wanted, labels in COUNTED
    ]


def test_the_life_of_a_volume_is_counted_and_logged(namespace, cluster_wide):
    before = counted()
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}))
    objects.apply(
        objects.claim(namespace, "data", namespace), objects.pod(namespace, "user", {"/data": "data"})
    )
    objects.wait_ready(namespace, "user")
    volume = objects.wait_bound(namespace, "data")
    after = counted()
    assert [each for each, was, now in zip(COUNTED, before, after, strict=True) if now <= was] == []

    of_controllers = ["-l", f"app={CONTROLLER}", "-c", "driver"]
    logged = kubectl("logs", "-n", SYSTEM, *of_controllers, "--since=10m", "--tail=-1").splitlines()
    lines = [line for line in map(json.loads, logged) if line.get("volume_id") == volume]
    for method in ("CreateVolume", "ControllerPublishVolume"):
        # A sidecar may ask again, which needs neither time nor a request: all lines are looked at.
        asked = [line for line in lines if line["message"] == method]
        assert "OK" in {line["code"] for line in asked}
        assert all(line["seconds"] >= 0 for line in asked)
        requests = [each for line in asked for each in line.get("openstack_requests", [])]
        assert requests
        assert all(each.startswith("req-") for each in requests)
    objects.delete("pod", "user", namespace)


@pytest.fixture
def operator():
    """The Prometheus operator's kinds, as far as their names go."""
    kinds = {"podmonitors": "PodMonitor", "prometheusrules": "PrometheusRule"}
    definitions = [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.monitoring.coreos.com"},
            "spec": {
                "group": "monitoring.coreos.com",
                "names": {
                    "plural": plural,
                    "singular": kind.lower(),
                    "kind": kind,
                    "listKind": f"{kind}List",
                },
                "scope": "Namespaced",
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "properties": {
                                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                                },
                            }
                        },
                    }
                ],
            },
        }
        for plural, kind in kinds.items()
    ]
    kubectl("apply", "-f", "-", given=definitions)
    names = [f"{plural}.monitoring.coreos.com" for plural in kinds]
    kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in names), "--timeout=30s")
    yield
    kubectl("delete", "crd", *names)


@pytest.fixture
def role(namespace, tmp_path):
    """Runs the role's part for monitoring in a namespace of the test's own."""

    def run(*what):
        variables = {
            "csi_driver_namespace": namespace,
            "csi_driver_controller_name": "my-controller",
            "csi_driver_node_name": "my-nodes",
            "csi_driver_monitoring": list(what),
            "csi_driver_monitoring_labels": {"release": "prometheus"},
            "csi_driver_http_tls_secret": "metrics-certificate",
            "csi_driver_monitoring_tls": {"serverName": "csi.example.org"},
        }
        parts = [
            {"name": "mooring.storage.csi_driver", "tasks_from": part}
            for part in ("monitoring_kinds", "monitoring")
        ]
        tasks = [{"ansible.builtin.include_role": part, "vars": variables} for part in parts]
        return run_play(tmp_path, {"tasks": tasks})

    return run


def made(namespace):
    kinds = "configmaps,podmonitors.monitoring.coreos.com,prometheusrules.monitoring.coreos.com"
    listed = json.loads(kubectl("get", kinds, "-n", namespace, "-o", "json"))["items"]
    return {each["kind"]: each for each in listed if each["metadata"]["name"].startswith("my-controller")}


def test_the_role_makes_what_is_asked_for_and_removes_what_is_not(namespace, role, request):
    refused = role("pod_monitor")
    assert refused.returncode != 0
    assert "podmonitors.monitoring.coreos.com" in refused.stdout

    request.getfixturevalue("operator")
    ran = role("dashboard", "pod_monitor", "prometheus_rule")
    assert ran.returncode == 0, ran.stdout
    found = made(namespace)
    assert found["PodMonitor"]["metadata"]["labels"]["release"] == "prometheus"
    [endpoint] = found["PodMonitor"]["spec"]["podMetricsEndpoints"]
    assert (endpoint["scheme"], endpoint["tlsConfig"]) == ("https", {"serverName": "csi.example.org"})
    assert found["ConfigMap"]["metadata"]["labels"]["grafana_dashboard"] == "1"
    dashboard = json.loads((FILES / "grafana-dashboard.json").read_text())
    assert json.loads(found["ConfigMap"]["data"]["my-controller.json"]) == dashboard
    rules = json.dumps(found["PrometheusRule"]["spec"])
    assert "{{ $labels.part }}" in rules
    assert 'daemonset=\\"my-nodes\\"' in rules
    assert "changed=0" in role("dashboard", "pod_monitor", "prometheus_rule").stdout

    assert role().returncode == 0
    assert made(namespace) == {}
