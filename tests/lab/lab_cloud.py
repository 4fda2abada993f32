# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cloud, for tests that start a driver of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import openstack

LAB = Path(os.environ.get("LAB_DIR", "/var/lib/mooring-lab"))


def lab_cloud(name: str = "demo") -> openstack.connection.Connection:
    """The cloud as a user of the lab's clouds.yaml sees it: the driver's, if no other is named."""
    clouds = str(LAB / "etc" / "clouds.yaml")
    config = openstack.config.OpenStackConfig(config_files=[clouds], load_envvars=False)
    return openstack.connection.Connection(config=config.get_one(cloud=name))


def in_database(statement: str, database: str = "cinder") -> None:
    """Change what Cinder or Nova keeps, for what its API has no request for.

    :param database: ``cinder`` or ``nova``.
    """
    command = ["mariadb", f"--socket={LAB}/run/mariadb.sock", database, f"--execute={statement}"]
    subprocess.run(command, check=True, timeout=30)


def write_status(volume_id: str, status: str) -> None:
    """Write a volume's status where Cinder keeps it: its API has none for what ends in ``_attaching``."""
    in_database(f"update volumes set status = '{status}' where id = '{volume_id}'")


def post(storage: Any, path: str, body: Any) -> dict[str, Any]:
    """Send Cinder a request of its attachments' API. Return its answer, if there is one."""
    answer = storage.post(path, json=body, microversion="3.44")
    openstack.exceptions.raise_from_response(answer)
    answered: dict[str, Any] = answer.json() if answer.content else {}
    return answered


def cloud_conf(cloud: openstack.connection.Connection, auth_url: str = "") -> str:
    """A driver's configuration for that user.

    :param auth_url: where Keystone is; its own place if left out.
    """
    auth = cloud.config.get_auth_args()
    return f"""[Global]
auth-url = {auth_url or auth["auth_url"]}
username = {auth["username"]}
password = "{auth["password"]}"
tenant-name = {auth["project_name"]}
domain-id = {auth["user_domain_id"]}
region = {cloud.config.get_region_name()}
"""
