# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cloud.conf says that somebody else has put into the Secret, and the nodes do not read."""

from __future__ import annotations

from base64 import b64encode

import pytest

GIVEN = {"csi_driver_cluster": "production", "csi_driver_image": "example.org/driver:1"}


@pytest.fixture
def holds(cluster, an_object):
    """Has the cluster hold a Secret with a cloud.conf of these lines."""

    def hold(*lines):
        text = "\n".join(["[Global]", "auth-url=https://keystone.example.org/v3", *lines])
        secret = an_object("Secret", "cloud-config", ours=False)
        cluster.holds(secret | {"data": {"cloud.conf": b64encode(text.encode()).decode()}})

    return hold


def node_arguments(cluster):
    [found] = [each for each in cluster.objects() if each["kind"] == "DaemonSet"]
    return found["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize(("given", "told"), [("20", "20"), ('"20"', "20"), ("0", "256"), ("300", "256")])
def test_the_limit_is_told_to_the_nodes(cluster, holds, given, told):
    holds("[BlockStorage]", f"node-volume-attach-limit = {given}")
    ran = cluster.run("csi_driver", **GIVEN)
    assert ran.returncode == 0, ran.stdout
    assert f"--max-volumes-per-node={told}" in node_arguments(cluster)


def test_the_order_of_sources_is_told_to_the_nodes(cluster, holds):
    holds("[Metadata]", "search-order=metadataService, configDrive")
    ran = cluster.run("csi_driver", **GIVEN)
    assert ran.returncode == 0, ran.stdout
    assert "--node-id-sources=metadataService,configDrive" in node_arguments(cluster)


def test_what_it_does_not_say_is_as_everywhere(cluster, holds):
    holds()
    ran = cluster.run("csi_driver", **GIVEN)
    assert ran.returncode == 0, ran.stdout
    arguments = node_arguments(cluster)
    assert "--max-volumes-per-node=256" in arguments
    assert "--node-id-sources=configDrive,metadataService,cloudInit,dmi,providerID" in arguments


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ca-file = /etc/cacert/ca.pem", 2),
        ("ca-file = /etc/ssl/certs/cacert/ca.pem", 2),
        ("cert-file=/etc/cacert/ca.pem", 2),
        ('key-file = "/etc/cacert/ca.pem"', 2),
        ("clouds-file = /etc/cacert/ca.pem", 2),
        ("ca-file = /etc/config/ca.crt", 0),
        ("clouds-file = /etc/config/clouds.yaml", 0),
        ('ca-file = "/etc/ssl/certs/ca-certificates.crt"', 0),
    ],
)
def test_files_that_the_pod_does_not_have_are_told_before_another_gives_its_place(
    cluster, holds, an_object, line, code
):
    holds(line)
    another = an_object("CSIDriver", "cinder.csi.openstack.org", None, ours=False)
    cluster.holds(*cluster.objects(), another | {"apiVersion": "storage.k8s.io/v1"})
    before = cluster.objects()
    ran = cluster.run("csi_driver", **GIVEN, csi_driver_take_over=True)
    assert ran.returncode == code, ran.stdout
    assert (cluster.objects() == before) == bool(code)
    assert ("cacert/ca.pem" in ran.stdout) == bool(code)


def test_an_installation_that_runs_keeps_its_authorities(cluster, holds):
    holds("ca-file=/etc/cacert/ca.pem")
    assert cluster.run("csi_driver", **GIVEN).returncode == 0


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], 2),
        ([{"namespace": "shop", "names": ["others"]}], 2),
        ([{"namespace": "shop", "names": ["account"]}], 0),
        ([{"namespace": "shop"}], 0),
    ],
)
def test_another_keeps_its_place_when_classes_name_secrets_that_could_not_be_read(
    cluster, holds, an_object, given, code
):
    holds()
    another = an_object("CSIDriver", "cinder.csi.openstack.org", None, ours=False)
    storage_class = an_object("StorageClass", "account", None, ours=False) | {
        "provisioner": "cinder.csi.openstack.org",
        "parameters": {
            f"csi.storage.k8s.io/{call}-secret-{part}": value
            for call in ("provisioner", "node-stage")
            for part, value in (("name", "account"), ("namespace", "shop"))
        },
    }
    cluster.holds(*cluster.objects(), another | {"apiVersion": "storage.k8s.io/v1"}, storage_class)
    before = cluster.objects()
    ran = cluster.run("csi_driver", **GIVEN, csi_driver_take_over=True, csi_driver_class_secrets=given)
    assert ran.returncode == code, ran.stdout
    assert (cluster.objects() == before) == bool(code)
    assert ("shop/account (StorageClass account)" in ran.stdout) == bool(code)


def test_another_keeps_its_place_when_the_cluster_lacks_what_is_asked_for(cluster, holds, an_object):
    holds()
    another = an_object("CSIDriver", "cinder.csi.openstack.org", None, ours=False)
    cluster.holds(*cluster.objects(), another | {"apiVersion": "storage.k8s.io/v1"})
    before = cluster.objects()
    ran = cluster.run("csi_driver", **GIVEN, csi_driver_take_over=True, csi_driver_monitoring=["pod_monitor"])
    assert ran.returncode != 0
    assert "podmonitors.monitoring.coreos.com" in ran.stdout
    assert cluster.objects() == before
