# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the role in check mode."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest


@pytest.fixture
def in_check_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run

    def checking(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return run([*command, "--check"], **options)

    monkeypatch.setattr(subprocess, "run", checking)
