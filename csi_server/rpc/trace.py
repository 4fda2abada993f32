# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which OpenStack requests were made on behalf of the RPC that this thread serves."""

from __future__ import annotations

from contextvars import ContextVar

_requests: ContextVar[list[str] | None] = ContextVar("openstack_requests", default=None)


def begin() -> list[str]:
    """Start a new list for this thread's RPC and return it; it fills as the RPC goes on."""
    requests: list[str] = []
    _requests.set(requests)
    return requests


def add(request_id: str) -> None:
    """Note a request. Outside of an RPC, nothing."""
    requests = _requests.get()
    if requests is not None and request_id:
        requests.append(request_id)
