# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Keystone hold the projects, roles, accounts and catalogue that a JSON file lists.

    identity.py DESCRIPTION PASSWORDS SECONDS

DESCRIPTION: ``keystone`` (URL), ``region``, ``bootstrap`` (command that makes the first administrator, with
the password in OS_BOOTSTRAP_PASSWORD), ``roles``, ``projects``, ``users`` (name, project, roles) and
``services`` (name, type, url). Waits SECONDS for Keystone to answer. Prints {"changed": ["what was done",
...]}.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import openstack
from keystoneauth1 import exceptions

INTERFACES = ("public", "internal", "admin")


def connect(url: str, region: str, name: str, password: str, project: str) -> openstack.connection.Connection:
    cloud = openstack.connect(
        auth={
            "auth_url": f"{url}/v3",
            "username": name,
            "password": password,
            "project_name": project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        region_name=region,
        api_timeout=60,
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
            wanted["bootstrap"],
            env={**os.environ, "OS_BOOTSTRAP_PASSWORD": password},
            check=True,
            capture_output=True,
        )
        done.append("administrator")


class Identity:
    """Keystone's objects, each made when it is missing. ``changed`` says what was made."""

    def __init__(self, identity: Any) -> None:
        self._identity = identity
        self.changed: list[str] = []
        self._projects = {project.name: project for project in identity.projects(domain_id="default")}
        self._roles = {role.name: role for role in identity.roles()}
        self._users = {user.name: user for user in identity.users(domain_id="default")}
        self._services = {service.name: service for service in identity.services()}
        self._endpoints = {(end.service_id, end.interface): end for end in identity.endpoints()}
        self._granted = {
            (grant.user["id"], grant.scope["project"]["id"], grant.role["id"])
            for grant in identity.role_assignments()
            if grant.user and "project" in (grant.scope or {})
        }

    def project(self, name: str) -> None:
        if name not in self._projects:
            self._projects[name] = self._identity.create_project(name=name, domain_id="default")
            self.changed.append(f"project {name}")

    def role(self, name: str) -> None:
        if name not in self._roles:
            self._roles[name] = self._identity.create_role(name=name)
            self.changed.append(f"role {name}")

    def user(self, name: str, password: str, accepted: Callable[[], bool]) -> None:
        """``accepted`` tries the password of a user that exists: Keystone does not show it."""
        if name not in self._users:
            self._users[name] = self._identity.create_user(name=name, password=password, domain_id="default")
            self.changed.append(f"user {name}")
        elif not accepted():
            self._identity.update_user(self._users[name], password=password)
            self.changed.append(f"password of {name}")

    def grant(self, name: str, project: str, role: str) -> None:
        if role not in self._roles:
            known = ", ".join(sorted(self._roles))
            raise SystemExit(f"user {name}: there is no role {role}; there are {known}")
        user, where, what = self._users[name], self._projects[project], self._roles[role]
        if (user.id, where.id, what.id) not in self._granted:
            self._identity.assign_project_role_to_user(where, user, what)
            self.changed.append(f"role {role} of {name} in {project}")

    def service(self, name: str, kind: str, url: str, region: str) -> None:
        if name not in self._services:
            self._services[name] = self._identity.create_service(name=name, type=kind)
            self.changed.append(f"service {name}")
        service = self._services[name].id
        for interface in INTERFACES:
            endpoint = self._endpoints.get((service, interface))
            if endpoint is None:
                self._identity.create_endpoint(
                    service_id=service, interface=interface, url=url, region_id=region
                )
            elif endpoint.url != url:
                self._identity.update_endpoint(endpoint, url=url)
            else:
                continue
            self.changed.append(f"{interface} endpoint of {name}")


def main() -> None:
    """Everything in the description."""
    wanted, passwords = (json.loads(pathlib.Path(name).read_text()) for name in sys.argv[1:3])
    cloud, changed = administrator(wanted, passwords["admin"], float(sys.argv[3]))
    identity = Identity(cloud.identity)

    def accepted(account: dict[str, Any]) -> bool:
        try:
            connect(
                wanted["keystone"],
                wanted["region"],
                account["name"],
                passwords[account["name"]],
                account["project"],
            )
        except exceptions.Unauthorized:
            return False
        return True

    for name in wanted["projects"]:
        identity.project(name)
    for name in wanted["roles"]:
        identity.role(name)
    for account in wanted["users"]:
        name = account["name"]
        identity.user(name, passwords[name], functools.partial(accepted, account))
        for role in account["roles"]:
            identity.grant(name, account["project"], role)
    for service in wanted["services"]:
        identity.service(service["name"], service["type"], service["url"], wanted["region"])
    print(json.dumps({"changed": changed + identity.changed}))


if __name__ == "__main__":
    main()
