# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One token serves all threads, and is renewed once when it must be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from openstack.connection import Connection

from ansible_collections.mooring.storage.plugins.module_utils._cloud import sdk, token_turn
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Timeout, Unavailable
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline

from .fake_keystone import FakeKeystone

THREADS = 50
NEVER = "2099-01-01T00:00:00.000000Z"


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


def connected_for_a_while(keystone: FakeKeystone) -> Connection:
    """A connection whose token ends so soon that the next request needs another one."""
    keystone.expires = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    connection = connected(keystone)
    # What is asked for once, of versions, is asked for here.
    connection.block_storage.get_endpoint_data()
    keystone.expires = NEVER
    return connection


def listed(connection: Connection, seconds: float) -> int:
    """How many volumes are listed for somebody who waits for so long."""
    api = Api(lambda: connection.block_storage, "3.50")
    deadline = Deadline.after(seconds)
    return len(api.request("volume_list", "GET", "/volumes/detail", "list", deadline)["volumes"])


def test_a_token_that_ends_soon_is_renewed_once(keystone: FakeKeystone) -> None:
    connection = connected_for_a_while(keystone)
    before = keystone.granted
    assert statuses(connection) == {200}
    assert keystone.granted - before == 1


def test_a_token_that_was_revoked_is_renewed_once(keystone: FakeKeystone) -> None:
    connection = connected(keystone)
    before = keystone.granted
    keystone.revoke_tokens()
    assert statuses(connection) == {200}
    assert keystone.granted - before == 1


def test_nobody_waits_past_the_deadline_for_the_token_that_another_asks_for(keystone: FakeKeystone) -> None:
    connection = connected_for_a_while(keystone)
    keystone.answering.clear()
    before = keystone.asked
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(listed, connection, 60)
        while keystone.asked == before:
            time.sleep(0.001)
        with pytest.raises(Timeout, match="cannot get a token from Keystone"):
            listed(connection, 0.05)
        assert not patient.done()
        keystone.answering.set()
        assert patient.result() == 1


def test_nobody_waits_much_past_the_deadline_for_the_token_that_they_ask_for(keystone: FakeKeystone) -> None:
    connection = connected_for_a_while(keystone)
    before = keystone.granted
    keystone.answering.clear()
    with pytest.raises(Unavailable, match="cannot get a token from Keystone"):
        listed(connection, 0.05)
    assert keystone.granted == before


def test_a_keystone_that_fails_is_asked_once_for_all(
    keystone: FakeKeystone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_turn, "SHARED", 60.0)
    connection = connected_for_a_while(keystone)
    before = keystone.asked
    keystone.broken = True

    def fail(dummy: int) -> None:
        with pytest.raises(Unavailable, match="An unexpected error"):
            listed(connection, 20)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fail, range(THREADS)))
    assert keystone.asked - before == 1
