# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node pod has of its node, and for itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROLE = Path(__file__).resolve().parents[4] / "roles" / "csi_driver"
GIVEN = {
    "csi_driver_cluster": "test",
    "csi_driver_image": "registry.example/driver:1",
    "csi_driver_max_unavailable": "25%",
    "csi_driver_attach": "cinder",
    "csi_driver_use_multipath": True,
    "csi_driver_node_id_sources": ["configDrive", "cloudInit"],
}
#: Without these no kubelet runs.
ALWAYS_THERE = {"/var/lib/kubelet", "/var/lib/kubelet/plugins_registry", "/dev"}


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    written = f"{{{{ lookup('ansible.builtin.template', '{ROLE}/templates/node.yml.j2') | from_yaml }}}}"
    ran = subprocess.run(
        [
            *("ansible", "localhost", "-m", "ansible.builtin.debug", "-a", "var=written"),
            *("-e", f"@{ROLE}/defaults/main.yml", "-e", f"@{ROLE}/vars/main.yml"),
            *("-e", json.dumps({**GIVEN, "written": written})),
        ],
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    spec: dict[str, Any] = json.loads(ran.stdout.partition("=>")[2])["written"]["spec"]["template"]["spec"]
    return spec


def test_beside_a_read_only_file_system_there_is_a_folder_in_memory_for_a_config_drive(
    pod: dict[str, Any],
) -> None:
    [driver] = pod["containers"]
    assert driver["securityContext"]["readOnlyRootFilesystem"]
    [name] = [each["name"] for each in driver["volumeMounts"] if each["mountPath"] == "/tmp"]
    [folder] = [each["emptyDir"] for each in pod["volumes"] if each["name"] == name]
    assert folder == {"medium": "Memory", "sizeLimit": "1Mi"}


def test_no_folder_that_a_node_may_lack_keeps_the_pod_from_it(pod: dict[str, Any]) -> None:
    folders = [each["hostPath"] for each in pod["volumes"] if "hostPath" in each]
    required = {each["path"] for each in folders if each["type"] != "DirectoryOrCreate"}
    assert {each["path"] for each in folders} > {"/run/udev", "/etc/multipath", "/run/cloud-init"}
    assert required == ALWAYS_THERE
