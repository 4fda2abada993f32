# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Keystone hold the projects, roles, accounts and catalogue that a JSON file lists.

    identity.py DESCRIPTION PASSWORDS SECONDS

DESCRIPTION: ``keystone`` (URL), ``region``, ``bootstrap`` (command that makes the first administrator, with the
password in OS_BOOTSTRAP_PASSWORD), ``roles``, ``projects``, ``users`` (name, project, roles) and ``services`` (name,
type, url). Waits SECONDS for Keystone to answer. Prints {"changed": ["what was done", ...]}.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

import openstack
from keystoneauth1 import exceptions

INTERFACES = ("public", "internal", "admin")


def connect(url: str, region: str, name: str, password: str, project: str) -> openstack.connection.Connection:
    cloud = openstack.connect(
        auth={
            "auth_url": f"{url}/v3", "username": name, "password": password, "project_name": project,
            "user_domain_id": "default", "project_domain_id": "default",
        },
        region_name=region, api_timeout=60,
    )
    # Not authorize(), which makes one kind of error out of all.
    cloud.session.get_token()
    return cloud


def administrator(wanted: dict[str, Any], password: str, seconds: float) -> tuple[Any, list[str]]:
    """The administrator's connection; bootstraps Keystone when it does not know the administrator."""
    deadline, done = time.monotonic() + seconds, []
    while True:
        try:
            return connect(wanted["keystone"], wanted["region"], "admin", password, "admin"), done
        except exceptions.Unauthorized:
            if done:
                raise
        except exceptions.ClientException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
            continue
        subprocess.run(
            wanted["bootstrap"], env={**os.environ, "OS_BOOTSTRAP_PASSWORD": password}, check=True, capture_output=True
        )
        done.append("administrator")


def main() -> None:
    """Everything in the description."""
    wanted, passwords = (json.loads(pathlib.Path(name).read_text()) for name in sys.argv[1:3])
    cloud, changed = administrator(wanted, passwords["admin"], float(sys.argv[3]))
    identity = cloud.identity

    projects = {project.name: project for project in identity.projects(domain_id="default")}
    for name in wanted["projects"]:
        if name not in projects:
            projects[name] = identity.create_project(name=name, domain_id="default")
            changed.append(f"project {name}")

    roles = {role.name: role for role in identity.roles()}
    for name in wanted["roles"]:
        if name not in roles:
            roles[name] = identity.create_role(name=name)
            changed.append(f"role {name}")

    users = {user.name: user for user in identity.users(domain_id="default")}
    granted = {
        (grant.user["id"], grant.scope["project"]["id"], grant.role["id"])
        for grant in identity.role_assignments() if grant.user and "project" in (grant.scope or {})
    }
    for account in wanted["users"]:
        name, password, project = account["name"], passwords[account["name"]], projects[account["project"]]
        known = name in users
        if not known:
            users[name] = identity.create_user(name=name, password=password, domain_id="default")
            changed.append(f"user {name}")
        for role in account["roles"]:
            if role not in roles:
                raise SystemExit(f"user {name}: there is no role {role}; there are {', '.join(sorted(roles))}")
            if (users[name].id, project.id, roles[role].id) not in granted:
                identity.assign_project_role_to_user(project, users[name], roles[role])
                changed.append(f"role {role} of {name} in {account['project']}")
        if known:
            try:
                connect(wanted["keystone"], wanted["region"], name, password, account["project"])
            except exceptions.Unauthorized:
                identity.update_user(users[name], password=password)
                changed.append(f"password of {name}")

    services = {service.name: service for service in identity.services()}
    endpoints = {(endpoint.service_id, endpoint.interface): endpoint for endpoint in identity.endpoints()}
    for service in wanted["services"]:
        name = service["name"]
        if name not in services:
            services[name] = identity.create_service(name=name, type=service["type"])
            changed.append(f"service {name}")
        for interface in INTERFACES:
            endpoint = endpoints.get((services[name].id, interface))
            if endpoint is None:
                identity.create_endpoint(
                    service_id=services[name].id, interface=interface, url=service["url"], region_id=wanted["region"]
                )
                changed.append(f"{interface} endpoint of {name}")
            elif endpoint.url != service["url"]:
                identity.update_endpoint(endpoint, url=service["url"])
                changed.append(f"{interface} endpoint of {name}")
    print(json.dumps({"changed": changed}))


if __name__ == "__main__":
    main()
