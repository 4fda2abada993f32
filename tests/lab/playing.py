# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calling modules as users do: one task of a playbook, run by ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

SECONDS = 300


class TaskFailed(Exception):
    """The task failed.

    :ivar result: what the module told.
    """

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(str(result.get("msg")))
        self.result = result


class Player:
    """Runs tasks, in diff mode.

    :param folder: where the playbooks go.
    :param environment: added to that of the tests.
    :param common: options for every task.
    """

    def __init__(self, folder: Path, environment: dict[str, str], **common: Any) -> None:
        self._playbook = folder / "playbook.yml"
        self._environment = environment
        self._common = common

    def __call__(self, module: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """The task's result.

        :param module: short name of a module of this collection.
        :raises TaskFailed: the task failed.
        """
        task = {f"mooring.storage.{module}": {**self._common, **options}}
        self._playbook.write_text(
            json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
        )
        argv = ["ansible-playbook", "--diff", str(self._playbook)]
        ran = subprocess.run(
            [*argv, "--check"] if check else argv,
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", **self._environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        try:
            # Other callbacks may write after the object.
            told, _end = json.JSONDecoder().raw_decode(ran.stdout)
            result: dict[str, Any] = told["plays"][0]["tasks"][0]["hosts"]["localhost"]
        except (ValueError, LookupError) as error:
            raise AssertionError(f"ansible-playbook ran no task: {ran.stdout}\n{ran.stderr}") from error
        if result.get("failed"):
            raise TaskFailed(result)
        return result
