# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fake services answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Answer = tuple[int, dict[str, Any] | None]
Route = tuple[str, str, Callable[..., Answer]]


def public(thing: dict[str, Any]) -> dict[str, Any]:
    """What a service shows of an object: everything but the changes that it waits for."""
    return json.loads(json.dumps({name: value for name, value in thing.items() if name != "next"}))


def fault(status: int, message: str) -> Answer:
    return status, {"fault": {"code": status, "message": message}}
