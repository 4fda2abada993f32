# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module's main() as Ansible does, in this process."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args


class ModuleFailed(Exception):
    """The module ended with fail_json.

    :ivar result: what it told.
    """

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result.get("msg"))
        self.result = result


class Runner:
    """Calls modules with options, always in diff mode.

    :param common: options for every call.
    """

    def __init__(self, capsys: pytest.CaptureFixture[str], **common: Any) -> None:
        self._capsys = capsys
        self._common = common

    def __call__(self, module: ModuleType, check: bool = False, **options: Any) -> dict[str, Any]:
        """The module's result.

        :raises ModuleFailed: it ended with fail_json.
        """
        arguments = {**self._common, **options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        if result.get("failed"):
            raise ModuleFailed(result)
        return result
