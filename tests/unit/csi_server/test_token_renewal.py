# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One token serves all threads, and is renewed once when it must be."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from openstack.connection import Connection

from ansible_collections.mooring.storage.plugins.module_utils._cloud import sdk

from .fake_keystone import FakeKeystone

THREADS = 50


@pytest.fixture
def keystone() -> Iterator[FakeKeystone]:
    cloud = FakeKeystone()
    cloud.passwords, cloud.volumes = {"one": "p1"}, {"one": ["a"]}
    with cloud.running():
        yield cloud


def connected(keystone: FakeKeystone) -> Connection:
    auth = {
        "auth_url": f"{keystone.url}/v3",
        "username": "one",
        "password": "p1",
        "project_name": "one",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    connection = sdk.connect({"auth_type": "password", "auth": auth, "region_name": "RegionOne"}, 20)
    connection.authorize()
    return connection


def statuses(connection: Connection) -> set[int]:
    """What as many threads are answered that ask at the same moment."""

    def ask(dummy: int) -> int:
        return int(connection.block_storage.request("/volumes/detail", "GET", timeout=20).status_code)

    with ThreadPoolExecutor(THREADS) as pool:
        return set(pool.map(ask, range(THREADS)))


def test_a_token_that_ends_soon_is_renewed_once(keystone: FakeKeystone) -> None:
    keystone.expires = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    connection = connected(keystone)
    keystone.expires = "2099-01-01T00:00:00.000000Z"
    before = keystone.granted
    assert statuses(connection) == {200}
    assert keystone.granted - before == 1


def test_a_token_that_was_revoked_is_renewed_once(keystone: FakeKeystone) -> None:
    connection = connected(keystone)
    before = keystone.granted
    keystone.revoke_tokens()
    assert statuses(connection) == {200}
    assert keystone.granted - before == 1
