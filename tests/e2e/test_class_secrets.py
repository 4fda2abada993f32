# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Secrets that the sidecars may read: those that the role was told of, and no other."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.mooring.storage.tests.e2e.plays import run_play


@pytest.fixture
def role(namespace, tmp_path):
    """Runs the role's part for Secrets, for a controller of the test's own."""

    def run(*secrets, **variables):
        part = {"name": "mooring.storage.csi_driver", "tasks_from": "class_secrets"}
        given = {
            "csi_driver_controller_name": namespace,
            "csi_driver_class_secrets": list(secrets),
            **variables,
        }
        ran = run_play(tmp_path, {"tasks": [{"ansible.builtin.include_role": part, "vars": given}]})
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    return run


def may(namespace, verb, secret, where):
    """What the API server itself says of the controller's rights."""
    user = f"--as=system:serviceaccount:kube-system:{namespace}"
    ran = subprocess.run(
        ["kubectl", "auth", "can-i", verb, f"secrets/{secret}", "--namespace", where, user],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ran.stdout.strip() == "yes"


def test_rights_come_and_go_with_the_list(namespace, role):
    named = {"namespace": namespace, "names": ["east"]}
    role(named, {"namespace": "default"})
    assert may(namespace, "get", "east", namespace)
    assert not may(namespace, "get", "other", namespace)
    assert not may(namespace, "delete", "east", namespace)
    assert may(namespace, "get", "other", "default")
    assert not may(namespace, "get", "cloud-config", "kube-system")
    assert "changed=0" in role(named, {"namespace": "default"})

    role(named, {"namespace": namespace, "names": ["west"]}, {"namespace": "default", "names": []})
    assert may(namespace, "get", "east", namespace)
    assert may(namespace, "get", "west", namespace)
    assert not may(namespace, "get", "other", namespace)
    assert not may(namespace, "get", "other", "default")

    role(named, csi_driver_state="absent")
    assert not may(namespace, "get", "east", namespace)
