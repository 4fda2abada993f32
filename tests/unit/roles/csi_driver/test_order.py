# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs of the role write the same pods: another order of containers would start them anew."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

VARIABLES = Path(__file__).resolve().parents[4] / "roles" / "csi_driver" / "vars" / "main.yml"
SIDECARS = ["provisioner", "attacher", "resizer", "snapshotter"]


@pytest.mark.parametrize("hash_seed", ["1", "2", "3"])
@pytest.mark.parametrize(("definitions", "running"), [([{}], SIDECARS), ([], SIDECARS[:-1])])
def test_sidecars_keep_their_order(hash_seed, definitions, running):
    given = {
        "csi_driver_sidecars": SIDECARS,
        "csi_driver_snapshot_definition": {"resources": definitions},
    }
    ran = subprocess.run(
        [
            *("ansible", "localhost", "-m", "ansible.builtin.debug", "-a", "var=csi_driver_running_sidecars"),
            *("-e", f"@{VARIABLES}", "-e", json.dumps(given)),
        ],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(ran.stdout.partition("=>")[2])["csi_driver_running_sidecars"] == running
