# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role as large clusters use it: a namespace of the driver's own, two controllers, metrics over TLS."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import ExitStack

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, second_driver
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes, on_node
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.unit.csi_server.certificates import Authority

NAME = SPACE = "large"
CONTROLLER = f"csi-{NAME}-controllerplugin"
NODES = ("node1", "node2")
KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
CLAIMS = [f"data-{number}" for number in range(4)]


@pytest.fixture(scope="module")
def role(cloud):
    return second_driver.role_of(
        NAME,
        19810,
        cloud,
        csi_driver_namespace=SPACE,
        csi_driver_replicas=2,
        csi_driver_http_tls_secret="metrics-tls",
        csi_driver_sidecar_extra_args={"attacher": ["--reconcile-sync=15s"]},
        # It tells no zone.
        csi_driver_node_id_sources=["providerID"],
        csi_driver_with_topology=False,
    )


@pytest.fixture(scope="module")
def preview(role, tmp_path_factory):
    """What the role says that it would do, in a cluster that has nothing of it."""
    said = second_driver.run(tmp_path_factory.mktemp("preview"), role, "--check", "--diff")
    namespaces = kubectl("get", "namespaces", "--output=name").split()
    assert (second_driver.of_installation(NAME), f"namespace/{SPACE}" in namespaces) == ([], False)
    return said


@pytest.fixture(scope="module")
def provider_ids():
    """The nodes' kubelets were told a providerID, in the file that Cluster API writes. Gives them by node."""
    known = {node: node_id(node, objects.DRIVER) for node in NODES}
    with ExitStack() as written:
        for node, server in known.items():
            written.callback(on_node, node[-1], f"rm -f {KUBELET_CONFIG}")
            on_node(node[-1], f"echo 'providerID: openstack:///{server}' >{KUBELET_CONFIG}")
        yield known


@pytest.fixture(scope="module")
def driver(role, preview, provider_ids, tmp_path_factory):
    """The driver, installed. Gives its name."""
    folder = tmp_path_factory.mktemp("installed")
    with ExitStack() as made:
        made.callback(kubectl, "delete", "namespace", SPACE, "--timeout=300s")
        kubectl("create", "namespace", SPACE)
        certificate, key = Authority(folder, "metrics").issue("driver")
        files = f"--cert={certificate}", f"--key={key}"
        kubectl("create", "secret", "tls", "metrics-tls", "--namespace", SPACE, *files)
        of_all = second_driver.run(folder, role, "--check", "--diff")
        assert changed(of_all) > changed(preview)
        assert not [secret for secret in secrets(role) if secret in of_all]
        assert second_driver.of_installation(NAME) == []
        made.callback(second_driver.remove, folder, NAME, role)
        second_driver.run(folder, role)
        yield role["csi_driver_name"]


@pytest.fixture
def storage_class(driver, namespace, cluster_wide):
    cluster_wide(objects.storage_class(namespace, {"type": "fast"}, provisioner=driver))
    return namespace


def node_id(node, driver):
    """The id that a node has in a driver."""
    return objects.node_driver(node, driver)["nodeID"]


def secrets(role):
    """What no output may show: the password, and the beginning of a cloud.conf as a Secret has it."""
    return role["csi_driver_cloud_conf"]["Global"]["password"], b64encode(b"[Globa").decode()


def changed(output):
    """How many tasks have changed something, or would."""
    return int(re.search(r"changed=(\d+)", output)[1])


def pods(app=CONTROLLER):
    """The names of a workload's pods."""
    found = json.loads(kubectl("get", "pods", "-n", SPACE, "-l", f"app={app}", "-o", "json"))["items"]
    return {pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]}


def leader(driver):
    """The name of the pod whose provisioner works."""
    return objects.get("lease", driver.replace(".", "-"), SPACE)["spec"]["holderIdentity"]


def test_check_mode_tells_what_would_be_made_and_makes_nothing(preview, role):
    assert changed(preview) > 0
    assert "The rest is not previewed" in preview
    assert not [secret for secret in secrets(role) if secret in preview]


def test_a_second_run_changes_nothing(driver, role, tmp_path):
    before = pods()
    assert changed(second_driver.run(tmp_path, role, "--check")) == 0
    assert changed(second_driver.run(tmp_path, role)) == 0
    assert pods() == before


def test_nodes_are_known_by_their_provider_id(driver, provider_ids):
    assert {node: node_id(node, driver) for node in NODES} == provider_ids


@pytest.mark.parametrize(("app", "port"), [(CONTROLLER, 9808), (f"csi-{NAME}-nodeplugin", 19810)])
def test_metrics_come_over_tls_alone(driver, app, port):
    found = pods(app)
    assert found
    for name in found:
        path = f"/api/v1/namespaces/{SPACE}/pods/https:{name}:{port}/proxy/metrics"
        assert "csi_ready" in kubectl("get", "--raw", path)


def test_the_other_controller_goes_on_when_the_leader_is_gone(driver, storage_class, namespace):
    assert len(pods()) == 2
    first = leader(driver)
    kubectl("delete", "pod", first, "-n", SPACE, "--grace-period=0", "--force")
    objects.apply(*(objects.claim(namespace, name, storage_class) for name in CLAIMS))
    volumes = {objects.wait_bound(namespace, name) for name in CLAIMS}
    assert becomes(lambda: leader(driver) != first)
    assert len(volumes) == len(CLAIMS)
    assert becomes(lambda: len(pods()) == 2)
    kubectl("delete", "pvc", "-n", namespace, "--all", "--timeout=300s")


def test_a_volume_that_was_detached_behind_kubernetes_back_is_attached_again(
    driver, storage_class, namespace, compute, cinder
):
    """No pod has it, so that nothing is written while it is gone."""
    objects.apply(objects.claim(namespace, "data", storage_class))
    volume = objects.wait_bound(namespace, "data")
    source = {"persistentVolumeName": objects.get("pvc", "data", namespace)["spec"]["volumeName"]}
    attachment = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": {"name": namespace},
        "spec": {"attacher": driver, "nodeName": NODES[0], "source": source},
    }
    objects.apply(attachment)
    try:
        objects.wait("volumeattachment", namespace, "default", "jsonpath={.status.attached}=true")
        [held] = cinder.get_volume(volume).attachments
        compute.delete_volume_attachment(held["server_id"], volume)

        def by_others():
            found = cinder.get_volume(volume).attachments
            return [each for each in found if each["attachment_id"] != held["attachment_id"]]

        assert [each["server_id"] for each in becomes(by_others)] == [held["server_id"]]
        assert becomes(lambda: cinder.get_volume(volume).status == "in-use")
    finally:
        objects.delete("volumeattachment", namespace)
    assert becomes(lambda: cinder.get_volume(volume).status == "available")
