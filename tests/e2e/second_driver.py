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
from ansible_collections.mooring.storage.tests.e2e.plays import LAB_VARIABLES, run_play
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl


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
    driver = f"{name}.csi.example.org"
    node_driver = objects.get("daemonset", "csi-cinder-nodeplugin", "kube-system")
    given = {
        "csi_driver_image": node_driver["spec"]["template"]["spec"]["containers"][0]["image"],
        "csi_driver_cluster": name,
        "csi_driver_cloud_conf": {"Global": cloud_conf(account)},
        "csi_driver_name": driver,
        "csi_driver_controller_name": f"csi-{name}-controllerplugin",
        "csi_driver_node_name": f"csi-{name}-nodeplugin",
        "csi_driver_secret_name": f"{name}-cloud-config",
        "csi_driver_node_http_port": http_port,
        "csi_driver_class_secrets": [],
        "csi_driver_storage_capacity": False,
        **variables,
    }
    # As the role's parameters: they come before the lab's.
    role = {"role": "mooring.storage.csi_driver", **given}
    try:
        _run(folder, role)
        yield driver
    finally:
        _run(folder, {**role, "csi_driver_state": "absent"})
    left = kubectl(
        "get",
        "all,csidrivers,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,secrets",
        "--all-namespaces",
        "--output=name",
    )
    assert [each for each in left.split() if f"{name}-" in each or driver in each] == []


def _run(folder: Path, role: Mapping[str, Any]) -> None:
    ran = run_play(folder, {"vars_files": [LAB_VARIABLES], "roles": [role]})
    assert ran.returncode == 0, ran.stdout
