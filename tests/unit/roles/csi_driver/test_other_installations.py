# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role takes for another installation of the driver, to refuse or to take the place of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ROLE = Path(__file__).resolve().parents[4] / "roles" / "csi_driver"
DRIVER = "cinder.csi.openstack.org"
OWN = {"app.kubernetes.io/managed-by": "mooring.storage"}
HELM = {"app.kubernetes.io/managed-by": "Helm"}
PLUGIN = {"name": "cinder-csi-plugin", "image": "registry.k8s.io/provider-os/cinder-csi-plugin:v1.36.0"}
SOCKET = {"name": "socket-dir", "hostPath": {"path": f"/var/lib/kubelet/plugins/{DRIVER}"}}


def workload(kind: str, name: str, labels: dict[str, str], **pod: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
        "spec": {"template": {"spec": {"containers": [], **pod}}},
    }


def csi_driver(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": name, "labels": labels},
    }


def others(*objects: dict[str, Any], **changed: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = rendered("other_installations.j2", objects, changed)
    return found


def rendered(template: str, objects: tuple[dict[str, Any], ...], changed: dict[str, str]) -> Any:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["to_json"] = json.dumps
    environment.filters["flatten"] = lambda lists, levels: [each for items in lists for each in items]
    variables = {
        "csi_driver_name": DRIVER,
        "csi_driver_former_name": DRIVER,
        "csi_driver_owner": "mooring.storage",
        "csi_driver_namespace": "kube-system",
        "csi_driver_controller_name": "csi-cinder-controllerplugin",
        "csi_driver_node_name": "csi-cinder-nodeplugin",
        "csi_driver_cluster_state": {"results": [{"resources": [each]} for each in objects]},
        **changed,
    }
    text = (ROLE / "templates" / template).read_text(encoding="utf-8")
    return yaml.safe_load(environment.from_string(text).render(variables))


@pytest.mark.parametrize(
    "foreign",
    [
        workload("Deployment", "openstack-cinder-csi-controllerplugin", HELM, containers=[PLUGIN]),
        workload("StatefulSet", "csi-cinder-controllerplugin", {}, containers=[PLUGIN]),
        workload("DaemonSet", "openstack-cinder-csi-nodeplugin", HELM, volumes=[SOCKET]),
        # By its manifests it has the very names that the role gives.
        workload("Deployment", "csi-cinder-controllerplugin", {}, containers=[PLUGIN]),
        workload("DaemonSet", "csi-cinder-nodeplugin", {}, volumes=[SOCKET]),
        # This driver, under another name of the objects.
        workload("Deployment", "second", OWN, containers=[{"args": [f"--driver-name={DRIVER}"]}]),
        csi_driver(DRIVER, HELM),
    ],
    ids=lambda each: f"{each['kind']} {each['metadata']['name']}",
)
def test_what_serves_the_driver_and_is_of_another(foreign: dict[str, Any]) -> None:
    (found,) = others(foreign)
    assert (found["kind"], found["name"]) == (foreign["kind"], foreign["metadata"]["name"])
    assert found["api_version"] == foreign["apiVersion"]
    assert found["namespace"] == foreign["metadata"].get("namespace", "")
    assert found["name"] in found["shown"]


@pytest.mark.parametrize(
    "harmless",
    [
        workload(
            "Deployment",
            "csi-cinder-controllerplugin",
            OWN,
            containers=[{"args": [f"--driver-name={DRIVER}"]}],
        ),
        workload("DaemonSet", "csi-cinder-nodeplugin", OWN, volumes=[SOCKET]),
        workload("Deployment", "web", {}, containers=[{"image": "nginx"}]),
        workload(
            "DaemonSet", "nfs", HELM, volumes=[{"hostPath": {"path": "/var/lib/kubelet/plugins/nfs.csi"}}]
        ),
        csi_driver(DRIVER, OWN),
        csi_driver("nfs.csi.k8s.io", HELM),
    ],
    ids=lambda each: f"{each['kind']} {each['metadata']['name']}",
)
def test_what_is_its_own_or_of_no_matter(harmless: dict[str, Any]) -> None:
    assert others(harmless) == []


def test_a_driver_of_another_name_leaves_the_former_one_alone() -> None:
    former = workload("Deployment", "csi-cinder-controllerplugin", {}, containers=[PLUGIN])
    assert others(former, csi_driver_name="second.example.org") == []


@pytest.mark.parametrize(
    "foreign",
    [
        # By the peer's manifests, and by an earlier run of the role.
        workload("Deployment", "csi-cinder-controllerplugin", {}, containers=[PLUGIN]),
        workload("DaemonSet", "csi-cinder-nodeplugin", {}, volumes=[SOCKET]),
        workload(
            "Deployment",
            "csi-cinder-controllerplugin",
            OWN,
            containers=[{"args": [f"--driver-name={DRIVER}"]}],
        ),
    ],
    ids=lambda each: f"{each['kind']} {each['metadata']['labels']}",
)
def test_another_driver_with_the_same_names_is_in_the_way(foreign: dict[str, Any]) -> None:
    name = f"{foreign['kind']} kube-system/{foreign['metadata']['name']}"
    assert rendered("in_the_way.j2", (foreign,), {"csi_driver_name": "second.example.org"}) == [name]
    assert rendered("in_the_way.j2", (foreign,), {}) == []
    elsewhere = {"csi_driver_name": "second.example.org", "csi_driver_namespace": "storage"}
    assert rendered("in_the_way.j2", (foreign,), elsewhere) == []
