# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's argument spec says of each variable the default that the role has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def computed(default: object) -> bool:
    """Whether a default is a template, which a spec can only describe."""
    return "{{" in str(default)


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_defaults_are_those_of_the_spec(role: str) -> None:
    defaults = read(ROLES / role / "defaults" / "main.yml")
    options = read(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert defaults.keys() <= options.keys()
    literal = {name: value for name, value in defaults.items() if not computed(value)}
    assert {name: options[name].get("default") for name in literal} == literal
    assert {name for name, option in options.items() if "default" in option} <= defaults.keys()
