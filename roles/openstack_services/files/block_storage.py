# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Cinder hold the volume types, group types and quotas that a JSON file lists.

    block_storage.py DESCRIPTION CLOUDS_YAML

DESCRIPTION: ``types`` (name, description, public, extra_specs, encryption: provider, cipher, key_size),
``group_types`` (name, description, group_specs) and ``quotas`` (project -> quota -> value). Types and specs
that are not listed stay.
Prints {"changed": ["what was done", ...]}.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
from typing import Any

import openstack

DEFAULT_ENCRYPTION = {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256}


def encrypt(cinder: Any, name: str, encryption: dict[str, Any]) -> bool:
    """Have a type's volumes encrypted. Say whether they were not, or in another way.

    Cinder refuses another way while there are volumes of the type.
    """
    kind = cinder.find_type(name, ignore_missing=False)
    wanted = {"control_location": "front-end", **DEFAULT_ENCRYPTION, **encryption}
    now = cinder.get_type_encryption(kind)
    if now.encryption_id is None:
        cinder.create_type_encryption(kind, **wanted)
    elif any(now[key] != value for key, value in wanted.items()):
        cinder.update_type_encryption(now, **wanted)
    else:
        return False
    return True


def main() -> None:
    """Everything in the description."""
    wanted = json.loads(pathlib.Path(sys.argv[1]).read_text())
    os.environ["OS_CLIENT_CONFIG_FILE"] = sys.argv[2]
    cloud = openstack.connect(cloud="admin", api_timeout=60)
    cinder, changed = cloud.block_storage, []

    types = {kind.name: kind for kind in cinder.types(is_public=None)}
    for kind in wanted["types"]:
        name = kind["name"]
        specs = {key: str(value) for key, value in kind.get("extra_specs", {}).items()}
        if name not in types:
            cinder.create_type(
                name=name,
                description=kind.get("description", ""),
                is_public=kind.get("public", True),
                extra_specs=specs,
            )
            changed.append(f"volume type {name}")
        elif not specs.items() <= (types[name].extra_specs or {}).items():
            cinder.update_type_extra_specs(types[name], **specs)
            changed.append(f"extra specs of volume type {name}")
        if kind.get("encryption") and encrypt(cinder, name, kind["encryption"]):
            changed.append(f"encryption of volume type {name}")

    group_types = {kind.name: kind for kind in cinder.group_types()}
    for kind in wanted["group_types"]:
        name = kind["name"]
        specs = {key: str(value) for key, value in kind.get("group_specs", {}).items()}
        if name not in group_types:
            cinder.create_group_type(
                name=name, description=kind.get("description", ""), is_public=True, group_specs=specs
            )
            changed.append(f"group type {name}")
        elif not specs.items() <= (group_types[name].group_specs or {}).items():
            cinder.create_group_type_group_specs(group_types[name], specs)
            changed.append(f"group specs of group type {name}")

    for project, quotas in wanted["quotas"].items():
        found = cloud.identity.find_project(project, ignore_missing=False)
        now = cinder.get(f"/os-quota-sets/{found.id}").json()["quota_set"]
        if not quotas.items() <= now.items():
            cinder.put(f"/os-quota-sets/{found.id}", json={"quota_set": quotas}).raise_for_status()
            changed.append(f"quotas of project {project}")
    print(json.dumps({"changed": changed}))


if __name__ == "__main__":
    main()
