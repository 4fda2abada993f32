# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for kubernetes.core.k8s_info: reads the file that is the test's cluster, as an API server would."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


def among(labels: set[str], selector: str) -> bool:
    """Whether labels are what one selector asks for: ``key=value``, or ``key in (value,value)``."""
    key, dummy, values = selector.partition(" in ")
    return bool(labels & ({f"{key}={value}" for value in values.strip("()").split(",")} if values else {key}))


class ActionModule(ActionBase):
    def run(self, tmp: object = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given = self._task.args
        found = []
        for each in json.loads(Path(os.environ["TEST_CLUSTER"]).read_text()):
            metadata = each["metadata"]
            labels = {f"{key}={value}" for key, value in metadata.get("labels", {}).items()}
            if each["kind"] != given["kind"]:
                continue
            if given.get("namespace") not in (None, metadata.get("namespace")):
                continue
            if "name" in given:
                # Asked for by its name, an object comes whatever its labels are.
                matches = metadata["name"] == given["name"]
            else:
                fields = {f"metadata.name={metadata['name']}", f"type={each.get('type')}"}
                matches = all(
                    among(labels, wanted) for wanted in given.get("label_selectors", ())
                ) and fields >= set(given.get("field_selectors", ()))
            if matches:
                found.append(each)
        return {"resources": found}
