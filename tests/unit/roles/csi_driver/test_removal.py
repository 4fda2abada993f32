# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role removes what it made, and nothing that merely has the same name or is of a second installation."""

from __future__ import annotations

import pytest

FIRST = "csi-cinder-controllerplugin"
SECOND = "csi-second-controllerplugin"
KINDS = ("podmonitors", "prometheusrules")
MONITORING = ("monitoring_kinds", "monitoring")


@pytest.fixture
def operator(an_object):
    """Definitions of the Prometheus operator's kinds."""
    return [
        an_object("CustomResourceDefinition", f"{kind}.monitoring.coreos.com", None, ours=False)
        for kind in KINDS
    ]


def monitoring(name):
    return {("PodMonitor", name), ("PrometheusRule", name), ("ConfigMap", f"{name}-dashboard")}


def test_two_installations_keep_their_monitoring_apart(cluster, operator):
    cluster.holds(*operator)
    asked = ["pod_monitor", "prometheus_rule", "dashboard"]
    assert cluster.run("csi_driver", *MONITORING, csi_driver_monitoring=asked).returncode == 0
    definitions = {("CustomResourceDefinition", f"{kind}.monitoring.coreos.com") for kind in KINDS}
    assert cluster.names() - definitions == monitoring(FIRST)

    second = {"csi_driver_controller_name": SECOND}
    assert cluster.run("csi_driver", *MONITORING, **second).returncode == 0
    assert cluster.names() - definitions == monitoring(FIRST)

    assert cluster.run("csi_driver", *MONITORING, csi_driver_monitoring=asked, **second).returncode == 0
    assert cluster.run("csi_driver", *MONITORING, csi_driver_monitoring=[]).returncode == 0
    assert cluster.names() - definitions == monitoring(SECOND)


def test_monitoring_objects_of_others_stay(cluster, operator, an_object):
    cluster.holds(*operator, an_object("PodMonitor", FIRST, ours=False))
    assert cluster.run("csi_driver", *MONITORING).returncode == 0
    assert ("PodMonitor", FIRST) in cluster.names()


@pytest.mark.parametrize("ours", [True, False])
def test_absent_removes_what_the_role_made_and_asks_for_no_image(cluster, an_object, ours):
    container = {"args": ["--driver-name=cinder.csi.openstack.org"]}
    serving = {"spec": {"template": {"spec": {"containers": [container]}}}}
    made = [
        an_object("Deployment", FIRST, ours=ours) | serving,
        an_object("Secret", "cloud-config", ours=ours),
        an_object("CSIDriver", "cinder.csi.openstack.org", None, ours=ours),
        an_object("ClusterRole", FIRST, None, ours=ours),
    ]
    cluster.holds(*made)
    ran = cluster.run("csi_driver", csi_driver_state="absent")
    assert ran.returncode == 0, ran.stdout
    assert cluster.objects() == ([] if ours else made)


def test_all_that_an_installation_makes_is_removed_again(cluster):
    given = {
        "csi_driver_cluster": "production",
        "csi_driver_image": "example.org/driver:1",
        "csi_driver_image_pull_secrets": ["one", "two"],
        "csi_driver_cloud_conf": {"Global": {"auth-url": "https://keystone.example.org/v3"}},
        "csi_driver_class_secrets": [{"namespace": "shop"}],
        "csi_driver_monitoring": ["dashboard"],
    }
    ran = cluster.run("csi_driver", **given)
    assert ran.returncode == 0, ran.stdout
    pods = [
        each["spec"]["template"]["spec"] for each in cluster.objects() if "template" in each.get("spec", {})
    ]
    assert [pod["imagePullSecrets"] for pod in pods] == [[{"name": "one"}, {"name": "two"}]] * 2

    ran = cluster.run("csi_driver", csi_driver_state="absent")
    assert ran.returncode == 0, ran.stdout
    assert cluster.objects() == []


@pytest.mark.parametrize("missing", ["csi_driver_cluster", "csi_driver_image"])
def test_an_installation_names_what_it_lacks(cluster, missing):
    given = {"csi_driver_cluster": "production", "csi_driver_image": "example.org/driver:1"}
    del given[missing]
    ran = cluster.run("csi_driver", **given)
    assert ran.returncode != 0
    assert f"{missing} is not given. It has to be" in ran.stdout
    assert cluster.objects() == []


@pytest.mark.parametrize(
    ("kubelet", "of_the_role", "code"), [("True", True, 2), ("True", False, 0), ("Unknown", True, 0)]
)
def test_pods_are_waited_for_where_something_ends_them(cluster, an_object, kubelet, of_the_role, code):
    """A node that is down keeps its pods until it is back, or is deleted; others keep theirs in any case."""
    node = an_object("Node", "a", None) | {"status": {"conditions": [{"type": "Ready", "status": kubelet}]}}
    pod = an_object("Pod", "csi-cinder-nodeplugin-x") | {"spec": {"nodeName": "a"}}
    labels = {"app.kubernetes.io/name": "cinder-csi", "app.kubernetes.io/managed-by": "mooring.storage"}
    pod["metadata"]["labels"] = {"app": "csi-cinder-nodeplugin"} | (labels if of_the_role else {})
    cluster.holds(node, pod)
    ran = cluster.run("csi_driver", csi_driver_state="absent", csi_driver_wait_timeout=2)
    assert ran.returncode == code, ran.stdout
