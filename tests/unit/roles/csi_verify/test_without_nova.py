# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the driver attaches without Nova, there may be no Nova, and what it would say is left out."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROLE = Path(__file__).resolve().parents[4] / "roles" / "csi_verify"
SERVER = "5f8ff4a7-3c1f-4a1e-8d2c-6a6f2a0f3f10"
CONNECTOR = "host=node1&ip=192.0.2.12&initiator=iqn.2026-01.example:node1"
CLASS = {
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "cinder.csi.openstack.org",
    "reclaimPolicy": "Delete",
}


@pytest.mark.parametrize(("node_id", "asked"), [(SERVER, True), (CONNECTOR, False)])
def test_nova_is_asked_where_nodes_are_servers(cluster, without_nova, a_node, node_id, asked):
    cluster.holds(CLASS, *a_node("a1", node_id=node_id), *a_node("a2", node_id=node_id))
    ran = cluster.run(
        "csi_verify", "prepare", "servers", csi_verify_begun="1", csi_verify_storage_class="fast"
    )
    assert ("endpoint for compute service not found" in ran.stdout) == asked
    assert (ran.returncode != 0) == asked, ran.stdout


@pytest.mark.parametrize(
    ("node_id", "nova", "where", "attached"),
    [
        (CONNECTOR, {"skipped": True}, "", []),
        (
            SERVER,
            {"servers": [{"id": SERVER, "name": "server1", "attached_volumes": [{"id": "volume-1"}]}]},
            ", on server server1",
            ["volume-1"],
        ),
    ],
)
def test_what_nova_says_is_told_where_it_was_asked(tmp_path, a_node, node_id, nova, where, attached):
    node, csi_node = a_node("a1", node_id=node_id)
    second = "1970-01-01T00:00:0{}Z".format
    ready = {"type": "Ready", "lastTransitionTime": second(3)}
    variables = {
        "csi_verify_found": {"on": ["a1"]},
        "csi_verify_cluster": {"results": [{"resources": [node]}, {}, {}, {"resources": [csi_node]}]},
        "csi_verify_driver_name": "cinder.csi.openstack.org",
        "csi_verify_place": "csi-verify-1",
        "csi_verify_bytes": 1,
        "csi_verify_verb": "write",
        "csi_verify_node": "a1",
        "csi_verify_seconds": 1,
        "csi_verify_volumes": [{"name": "block"}],
        "csi_verify_pods": {
            "resources": [
                {
                    "metadata": {"name": "write-block", "creationTimestamp": second(1)},
                    "status": {"conditions": [ready]},
                }
            ]
        },
        "csi_verify_bound": {
            "resources": [
                {
                    "metadata": {"name": "pvc-1"},
                    "spec": {
                        "claimRef": {"namespace": "csi-verify-1", "name": "block"},
                        "csi": {"volumeHandle": "volume-1"},
                    },
                }
            ]
        },
        "csi_verify_cinder": {
            "volumes": [
                {
                    "id": "volume-1",
                    "status": "in-use",
                    "volume_type": "fast",
                    "availability_zone": "az1",
                    "attachments": [{"server_id": SERVER if where else None}],
                }
            ]
        },
        "csi_verify_logs_read": {"results": [{"item": {"name": "block"}, "log": "a" * 64}]},
        "csi_verify_nova": nova,
    }
    steps = f"lookup('ansible.builtin.template', '{ROLE}/templates/pod_steps.j2') | from_json"
    parts = f"{{'steps': {steps}, 'attached': csi_verify_left.attached}}"
    told = tmp_path / "told.json"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(ROLE / "vars" / "main.yml")],
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "dest": str(told),
                    "content": f"{{{{ {parts} | to_json }}}}",
                    "mode": "0600",
                }
            }
        ],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    (tmp_path / "variables.json").write_text(json.dumps(variables))
    ran = subprocess.run(
        ["ansible-playbook", "-e", f"@{tmp_path / 'variables.json'}", str(tmp_path / "play.yml")],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    found = json.loads(told.read_text())
    assert found["attached"] == attached
    assert found["steps"][1]["proof"] == (
        f"Cinder volume volume-1 is in-use, type fast, zone az1{where}; sha256 {'a' * 16}"
    )
