# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings in pages, while what they list is being deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Busy, NotFound
from ansible_collections.mooring.storage.plugins.module_utils._cloud.listing import summaries
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline


class Paged:
    """A collection of numbers in pages of two; after the first page, some are deleted."""

    def __init__(self, then_deleted: set[int]) -> None:
        self.rows = list(range(6))
        self.then_deleted = then_deleted
        self.link = "volumes_links"

    def request(self, url: str, method: str, **options: Any) -> requests.Response:
        assert url == "/volumes"
        marker = options["params"].get("marker")
        body: dict[str, Any]
        response = requests.Response()
        response.status_code, response.headers = 200, {"content-type": "application/json"}
        response.request = requests.Request(method, f"http://cloud{url}").prepare()
        if marker is not None and marker not in self.rows:
            response.status_code, body = 404, {"itemNotFound": {"message": "no such marker"}}
        else:
            rest = [row for row in self.rows if marker is None or row > marker]
            body = {"volumes": [{"id": row} for row in rest[:2]]}
            if len(rest) > 2:
                body[self.link] = ["next"]
            self.rows = [row for row in self.rows if row not in self.then_deleted]
        response._content = json.dumps(body).encode()
        return response


def numbers(service: Paged) -> list[int]:
    api = Api(lambda: service, "3.50")
    return [row["id"] for row in summaries(api, "volume_list", "volumes", "list", Deadline.after(9))]


@pytest.mark.parametrize(
    ("then_deleted", "expected"),
    [(set(), [0, 1, 2, 3, 4, 5]), ({1}, [0, 1, 2, 3, 4, 5]), ({1, 2}, [0, 1, 3, 4, 5])],
)
def test_a_page_follows_what_is_left_of_the_one_before(then_deleted: set[int], expected: list[int]) -> None:
    assert numbers(Paged(then_deleted)) == expected


def test_groups_come_with_a_link_of_another_name() -> None:
    """Cinder's views: ``volumes_links``, and ``group_links``."""
    service = Paged(set())
    service.link = "group_links"
    assert numbers(service) == [0, 1, 2, 3, 4, 5]


def test_when_a_whole_page_went_the_listing_is_to_be_repeated() -> None:
    with pytest.raises(Busy, match="being deleted"):
        numbers(Paged({0, 1}))


class Absent:
    """Knows nothing."""

    def request(self, url: str, method: str, **options: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 404
        response._content = b'{"itemNotFound": {"message": "no such collection"}}'
        response.request = requests.Request(method, f"http://cloud{url}").prepare()
        return response


def test_a_collection_that_is_not_there_is_not_found() -> None:
    api = Api(Absent, "3.50")
    with pytest.raises(NotFound):
        list(summaries(api, "volume_list", "volumes", "list", Deadline.after(9)))
