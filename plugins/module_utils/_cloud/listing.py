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
from .errors import Busy, NotFound
from .waiting import Deadline

PAGE_SIZE = 1000


def listed(
    api: Api, name: str, collection: str, filters: Mapping[str, str | int], action: str, deadline: Deadline
) -> Iterator[dict[str, Any]]:
    """Yield the objects of a collection in detail, a request for each page.

    :param name: of the request, for the observer.
    :param collection: ``volumes``, ``snapshots``, ``backups``.
    :raises Busy: a whole page was deleted while the next one was asked for.
    :raises CloudError: a request failed.
    """
    return _rows(api, name, f"/{collection}/detail", collection, filters, action, deadline)


def summaries(
    api: Api, name: str, collection: str, action: str, deadline: Deadline
) -> Iterator[dict[str, Any]]:
    """Yield id and name of all objects of a collection. See :func:`listed`."""
    return _rows(api, name, f"/{collection}", collection, {}, action, deadline)


def _rows(
    api: Api,
    name: str,
    path: str,
    collection: str,
    filters: Mapping[str, str | int],
    action: str,
    deadline: Deadline,
) -> Iterator[dict[str, Any]]:
    markers: list[str] = []
    while True:
        params: dict[str, str | int] = {**filters, "limit": PAGE_SIZE}
        if markers:
            params["marker"] = markers[-1]
        try:
            body = api.request(name, "GET", path, action, deadline, params=params)
        except NotFound as missing:
            if not markers:
                raise
            # What this page follows has been deleted meanwhile: then the one before it is followed.
            markers.pop()
            if not markers:
                raise Busy(f"cannot {action}: they are being deleted meanwhile") from missing
            continue
        found = body[collection]
        yield from found
        # The link is there when a page is full, and at times when nothing follows. It is volumes_links, and
        # group_links.
        if not found or not any(key.endswith("_links") for key in body):
            return
        markers = [each["id"] for each in found]
