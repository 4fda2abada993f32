# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the servers that stand for the lab's nodes, and the metadata that the nodes get.

    node_servers.py DESCRIPTION CLOUDS_YAML METADATA SECONDS

DESCRIPTION: ``cloud`` (whose servers they are), ``flavor`` (name, vcpus, ram, disk) and ``servers`` (name,
networks: the addresses that the node asks from). Prints {"changed": ["what was done", ...]}.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
from typing import Any

import openstack

ROOT_SIZE = 1


def wait(seconds: float, get: Any, wanted: str) -> Any:
    """The object when its status is the wanted one. Raises SystemExit on an error or when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        thing = get()
        if thing.status == wanted:
            return thing
        if thing.status.lower().startswith("error") or time.monotonic() > deadline:
            why = (getattr(thing, "fault", None) or {}).get("message", "")
            raise SystemExit(f"{thing.name} is {thing.status}, not {wanted}. {why}")
        time.sleep(0.2)


def root_volume(cloud: Any, name: str, seconds: float) -> Any:
    volumes = cloud.block_storage
    volume = next((v for v in volumes.volumes(name=name) if v.status == "available"), None)
    if volume is None:
        volume = volumes.create_volume(name=name, size=ROOT_SIZE)
        volume = wait(seconds, lambda: volumes.get_volume(volume), "available")
    volumes.set_volume_bootable_status(volume, True)
    return volume


def main() -> None:
    """Everything in the description."""
    wanted, metadata_file, seconds = (
        json.loads(pathlib.Path(sys.argv[1]).read_text()),
        sys.argv[3],
        float(sys.argv[4]),
    )
    os.environ["OS_CLIENT_CONFIG_FILE"] = sys.argv[2]
    admin = openstack.connect(cloud="admin", api_timeout=60)
    cloud = openstack.connect(cloud=wanted["cloud"], api_timeout=60)
    compute, changed = cloud.compute, []

    # The compute host is in no cell before the scheduler has looked for new ones. Without details: those ask
    # the host itself, for a minute if it has only just begun.
    deadline = time.monotonic() + seconds
    while not any(host.state == "up" for host in admin.compute.hypervisors()):
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds:.0f} s there is no compute host that is up")
        time.sleep(0.3)

    flavor = admin.compute.find_flavor(wanted["flavor"]["name"])
    if flavor is None:
        flavor = admin.compute.create_flavor(**wanted["flavor"])
        changed.append(f"flavor {flavor.name}")

    servers = {server.name: server for server in compute.servers()}
    for name in [server["name"] for server in wanted["servers"]]:
        if name in servers and servers[name].status == "ERROR":
            compute.delete_server(servers[name])
            compute.wait_for_delete(servers.pop(name), interval=0.2, wait=int(seconds))
            changed.append(f"server {name} removed: it was in error")
        if name not in servers:
            disk = {
                "boot_index": 0,
                "uuid": root_volume(cloud, f"{name}-root", seconds).id,
                "source_type": "volume",
                "destination_type": "volume",
                "delete_on_termination": True,
            }
            servers[name] = compute.create_server(
                name=name, flavor_id=flavor.id, networks="none", block_device_mapping_v2=[disk]
            )
            changed.append(f"server {name}")

    told = []
    for server in wanted["servers"]:
        name = server["name"]
        found = wait(seconds, lambda name=name: compute.get_server(servers[name]), "ACTIVE")
        told.append(
            {
                "networks": server["networks"],
                "metadata": {
                    "uuid": found.id,
                    "name": name,
                    "hostname": name,
                    "availability_zone": found.availability_zone,
                    "project_id": found.project_id,
                    "meta": found.metadata,
                },
            }
        )
    text = json.dumps(told, indent=2)
    file = pathlib.Path(metadata_file)
    if not file.exists() or file.read_text() != text:
        part = file.with_suffix(".part")
        part.write_text(text)
        part.rename(file)
        changed.append("metadata")
    print(json.dumps({"changed": changed}))


if __name__ == "__main__":
    main()
