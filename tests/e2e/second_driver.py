# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver that a test has the role install, beside the one of the lab."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.objects import Body
from ansible_collections.mooring.storage.tests.e2e.plays import LAB_VARIABLES, run_play
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

#: Nodes connect to volumes by themselves.
THROUGH_CINDER: dict[str, Any] = {"csi_driver_attach": "cinder", "csi_driver_max_disks_per_node": 0}


def cloud_conf(account: Mapping[str, Any]) -> dict[str, str]:
    """The section of cloud.conf for an entry of the lab's clouds.yaml."""
    auth = account["auth"]
    return {
        "auth-url": auth["auth_url"],
        "username": auth["username"],
        "password": auth["password"],
        "tenant-name": auth["project_name"],
        "user-domain-id": auth["user_domain_id"],
        "tenant-domain-id": auth["project_domain_id"],
        "region": account["region_name"],
    }


@contextlib.contextmanager
def installed(
    folder: Path, name: str, http_port: int, account: Mapping[str, Any], **variables: Any
) -> Iterator[str]:
    """Have the role install a driver, and remove it at the end. Gives the driver's name.

    :param name: begins the names of all that is its own.
    :param http_port: of its node driver, on the nodes.
    :param variables: the role's.
    """
    role = role_of(name, http_port, account, **variables)
    try:
        run(folder, role)
        yield role["csi_driver_name"]
    finally:
        remove(folder, name, role)


def installed_through_cinder(
    folder: Path, name: str, http_port: int, account: Mapping[str, Any], **variables: Any
) -> contextlib.AbstractContextManager[str]:
    """Have one installed whose nodes connect to volumes by themselves. See ``installed``."""
    return installed(folder, name, http_port, account, **THROUGH_CINDER, **variables)


def role_of(name: str, http_port: int, account: Mapping[str, Any], **variables: Any) -> Body:
    """The role as a play names it. See ``installed`` for the parameters.

    The variables are the role's parameters: those come before the lab's.
    """
    node_driver = objects.get("daemonset", "csi-cinder-nodeplugin", "kube-system")
    return {
        "role": "mooring.storage.csi_driver",
        "csi_driver_image": node_driver["spec"]["template"]["spec"]["containers"][0]["image"],
        "csi_driver_cluster": name,
        "csi_driver_cloud_conf": {"Global": cloud_conf(account)},
        "csi_driver_name": f"{name}.csi.example.org",
        "csi_driver_controller_name": f"csi-{name}-controllerplugin",
        "csi_driver_node_name": f"csi-{name}-nodeplugin",
        "csi_driver_secret_name": f"{name}-cloud-config",
        "csi_driver_node_http_port": http_port,
        "csi_driver_class_secrets": [],
        "csi_driver_storage_capacity": False,
        "csi_driver_wait_timeout": 400,
        **variables,
    }


def remove(folder: Path, name: str, role: Mapping[str, Any]) -> None:
    """Have a role remove what it has installed, and see that nothing is left."""
    run(folder, {**role, "csi_driver_state": "absent"})
    assert of_installation(name) == []


def of_installation(name: str) -> list[str]:
    """The objects of a driver, by kind and name."""
    kinds = "all,csidrivers,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,secrets"
    found = kubectl("get", kinds, "--all-namespaces", "--output=name").split()
    return [each for each in found if f"{name}-" in each or f"{name}.csi.example.org" in each]


def run(folder: Path, role: Mapping[str, Any], *options: str) -> str:
    """Run a role as users do. Return what it wrote."""
    ran = run_play(folder, {"vars_files": [LAB_VARIABLES], "roles": [role]}, *options)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout
