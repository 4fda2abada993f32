# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays that tests run as users do, with access to the lab's cluster."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

SECONDS = 1200
#: What the roles are told about the lab, for ``vars_files``: only a role's parameters come before these.
LAB_VARIABLES = str(
    Path(__file__).resolve().parents[2] / "playbooks" / "inventory" / "group_vars" / "all.yml"
)


def run_play(folder: Path, play: Mapping[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    """Run a play on localhost.

    :param folder: where its files may lie.
    :param options: of ansible-playbook, such as ``--check``.
    """
    (folder / "kubeconfig").write_text(kubectl("config", "view", "--raw", "--flatten"))
    (folder / "playbook.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, **play}]))
    return subprocess.run(
        ["ansible-playbook", "-e", f"lab_dir={LAB}", *options, str(folder / "playbook.yml")],
        env={**os.environ, "K8S_AUTH_KUBECONFIG": str(folder / "kubeconfig")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
