# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the driver's pods hold: the cloud's credential is in one container, the cluster's token in others."""

from __future__ import annotations

import json

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

SYSTEM = "kube-system"
NODE, CONTROLLER = "csi-cinder-nodeplugin", "csi-cinder-controllerplugin"
TOKENS = "/var/run/secrets/kubernetes.io"


def pods(app):
    found = json.loads(kubectl("get", "pods", "-n", SYSTEM, "-l", f"app={app}", "-o", "json"))["items"]
    assert found
    return found


def containers(app):
    return {each["name"]: each for pod in pods(app) for each in pod["spec"]["containers"]}


def mounted(container):
    return {each["mountPath"] for each in container["volumeMounts"]}


def run_in(pod, container, script):
    return kubectl(
        "exec", "-n", SYSTEM, pod["metadata"]["name"], "-c", container, "--", "python3", "-c", script
    )


def test_a_node_pod_has_no_secret_and_no_token():
    for pod in pods(NODE):
        others = [volume for volume in pod["spec"]["volumes"] if "hostPath" not in volume]
        assert [(volume["name"], volume["emptyDir"]["medium"]) for volume in others] == [("tmp", "Memory")]
        [driver] = pod["spec"]["containers"]
        assert all(
            "valueFrom" not in each or "fieldRef" in each["valueFrom"] for each in driver.get("env", ())
        )
        assert run_in(pod, "driver", f"import os; print(os.path.exists({TOKENS!r}))") == "False\n"
        assert run_in(pod, "driver", "import os; print(os.path.exists('/etc/config'))") == "False\n"


def test_the_credential_is_the_drivers_and_the_token_the_sidecars():
    driver, *sidecars = [
        container
        for name, container in sorted(containers(CONTROLLER).items(), key=lambda i: i[0] != "driver")
    ]
    assert "/etc/config" in mounted(driver)
    assert sidecars
    for sidecar in sidecars:
        assert "/etc/config" not in mounted(sidecar)
        assert any(path.startswith(TOKENS) for path in mounted(sidecar))


@pytest.mark.parametrize("name", ["driver", "csi-provisioner", "csi-attacher", "csi-resizer"])
def test_a_controller_container_can_do_nothing_on_its_node(name):
    [pod, *dummy] = pods(CONTROLLER)
    context = containers(CONTROLLER)[name]["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert "hostPath" not in {kind for volume in pod["spec"]["volumes"] for kind in volume}


def test_a_nodes_account_may_do_nothing():
    assert objects.get("serviceaccount", NODE, SYSTEM)
    for verb, resource in (("get", "secrets"), ("list", "nodes"), ("get", "persistentvolumes")):
        assert not is_allowed(f"system:serviceaccount:{SYSTEM}:{NODE}", verb, resource)
    # What asks, gets an answer.
    assert is_allowed(f"system:serviceaccount:{SYSTEM}:{CONTROLLER}", "get", "persistentvolumes")


def is_allowed(user, verb, resource):
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user,
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": {"namespace": SYSTEM, "verb": verb, "resource": resource},
        },
    }
    return kubectl("create", "-f", "-", "-o", "jsonpath={.status.allowed}", given=[review]) == "true"
