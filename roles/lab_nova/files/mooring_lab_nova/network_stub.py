# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The little of Neutron that Nova needs for servers without networks: empty lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """A WSGI application."""
    name = environ["PATH_INFO"].rstrip("/").rsplit("/", 1)[-1].replace("-", "_")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name or "versions": []}).encode()]
