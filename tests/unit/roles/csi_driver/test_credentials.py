# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Secret that the role makes of csi_driver_cloud_conf, as the driver reads it."""

from __future__ import annotations

from base64 import b64decode

import pytest

from ansible_collections.mooring.storage.csi_server.config import gcfg

GIVEN = {"csi_driver_cluster": "production", "csi_driver_image": "example.org/driver:1"}
CLOUD = {"auth-url": "https://keystone.example.org/v3", "username": "csi", "password": 'a "quoted" \\ one'}
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def secret(cluster):
    """Runs the role, and returns what the Secret holds, by its keys."""

    def made(**variables):
        ran = cluster.run("csi_driver", **GIVEN, **variables)
        assert ran.returncode == 0, ran.stdout
        assert CLOUD["password"] not in ran.stdout
        [found] = [each for each in cluster.objects() if each["kind"] == "Secret"]
        return {key: b64decode(value).decode() for key, value in found["data"].items()}

    return made


def test_an_authority_is_given_to_each_cloud_that_names_none(secret):
    own = {**CLOUD, "ca-file": "/etc/config/east.crt"}
    held = secret(csi_driver_cloud_conf={"Global": CLOUD, 'Global "east"': own}, csi_driver_ca_cert=AUTHORITY)
    assert held["ca.crt"] == AUTHORITY
    assert gcfg.parse(held["cloud.conf"]) == {
        ("global", ""): {**CLOUD, "ca-file": "/etc/config/ca.crt"},
        ("global", "east"): own,
    }


def test_an_authority_without_credentials_is_refused(cluster, an_object):
    there = an_object("Secret", "cloud-config", ours=False) | {"data": {"cloud.conf": ""}}
    cluster.holds(there)
    ran = cluster.run("csi_driver", **GIVEN, csi_driver_ca_cert=AUTHORITY)
    assert ran.returncode == 2
    assert "csi_driver_ca_cert is given without csi_driver_cloud_conf" in ran.stdout
    assert cluster.objects() == [there]


@pytest.mark.parametrize("there", [True, False])
def test_a_namespace_that_the_role_makes_lets_the_nodes_mount(cluster, an_object, there):
    theirs = an_object("Namespace", "storage", None, ours=False)
    cluster.holds(*([theirs] if there else []))
    given = {"csi_driver_namespace": "storage", "csi_driver_cloud_conf": {"Global": CLOUD}}
    assert cluster.run("csi_driver", **GIVEN, **given).returncode == 0
    [made] = [each for each in cluster.objects() if each["kind"] == "Namespace"]
    enforced = {"pod-security.kubernetes.io/enforce": "privileged"}
    assert made["metadata"]["labels"] == (theirs["metadata"]["labels"] if there else enforced)
