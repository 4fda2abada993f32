# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: listings that come in pages.

Source: Block Storage API v3, "Pagination".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .api import Api
from .waiting import Deadline

PAGE_SIZE = 1000


def listed(
    api: Api, name: str, collection: str, filters: Mapping[str, str | int], action: str, deadline: Deadline
) -> Iterator[dict[str, Any]]:
    """Yield the objects of a collection in detail, a request for each page.

    :param name: of the request, for the observer.
    :param collection: ``volumes``, ``snapshots``, ``backups``.
    :raises CloudError: a request failed.
    """
    marker = ""
    while True:
        params: dict[str, str | int] = {**filters, "limit": PAGE_SIZE}
        if marker:
            params["marker"] = marker
        body = api.request(name, "GET", f"/{collection}/detail", action, deadline, params=params)
        found = body[collection]
        yield from found
        # The link is there when a page is full, and at times when nothing follows.
        if not found or not body.get(f"{collection}_links"):
            return
        marker = found[-1]["id"]
