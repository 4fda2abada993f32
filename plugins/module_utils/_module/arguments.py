# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share, and the reading of their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._cloud.errors import InvalidRequest

STATE = {"type": "str", "choices": ["present", "absent"], "default": "present"}


def texts(option: str, values: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Values that an API wants as text, from what YAML made of them: 500 and true become "500" and "true".

    Null stays None.

    :param option: the module's option, for the error.
    :raises InvalidRequest: a value is a list or a mapping.
    """
    return {str(key): _text(f"{option}.{key}", value) for key, value in (values or {}).items()}


def _text(field: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    raise InvalidRequest(f"{field}: {value!r} is a {type(value).__name__}; give a string or a number")
