# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for kubernetes.core.k8s_log: a pod's log is its annotation ``log``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp: object = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        objects = json.loads(Path(os.environ["TEST_CLUSTER"]).read_text())
        named = [each["metadata"] for each in objects if each["metadata"]["name"] == self._task.args["name"]]
        return {"log": named[0].get("annotations", {}).get("log", "")}
