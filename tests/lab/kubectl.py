# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as its administrator sees it."""

from __future__ import annotations

import json
import subprocess


def kubectl(*arguments, given=None):
    """The output of kubectl; objects to apply are given as mappings."""
    ran = subprocess.run(
        ["kubectl", *arguments],
        input=None if given is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": given}),
        capture_output=True,
        text=True,
        timeout=900,
        check=True,
    )
    return ran.stdout
