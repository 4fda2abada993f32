# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for kubernetes.core.k8s: makes and removes objects in the file that is the test's cluster."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader

Identity = tuple[str, str, str]


def identity(of: dict[str, Any]) -> Identity:
    """Kind, namespace and name of an object."""
    return of["kind"], of["metadata"].get("namespace", ""), of["metadata"]["name"]


class ActionModule(ActionBase):
    def run(self, tmp: object = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given, file = self._task.args, Path(os.environ["TEST_CLUSTER"])
        before = {identity(each): each for each in json.loads(file.read_text())}
        if given.get("state") == "absent":
            gone = (given["kind"], given.get("namespace", ""), given["name"])
            after = {key: each for key, each in before.items() if key != gone}
        else:
            made = given.get("definition")
            wanted = [made] if made else self._rendered(given["template"], task_vars)
            after = {**before, **{identity(each): each for each in wanted}}
        file.write_text(json.dumps(list(after.values())))
        return {"changed": after != before}

    def _rendered(self, templates: str | list[str], task_vars: dict[str, Any] | None) -> list[dict[str, Any]]:
        lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        paths = [templates] if isinstance(templates, str) else templates
        texts = lookup.run(paths, variables=task_vars)
        return [each for text in texts for each in yaml.safe_load_all(text) if each]
