# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from ansible_collections.mooring.storage.csi_server.cloud_session import Session
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import CredentialRefused
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline


class Connection:
    """A connection that is answered with one status."""

    def __init__(self, status: int) -> None:
        self.timeouts: list[float] = []
        self.block_storage = SimpleNamespace(request=self.request)
        self.compute = self.block_storage
        self._status = status

    def request(self, url: str, method: str, **options: Any) -> requests.Response:
        self.timeouts.append(options["timeout"])
        response = requests.Response()
        response.status_code, response._content = self._status, json.dumps({"volume": {}}).encode()
        response.request = requests.Request(method, f"http://cloud{url}").prepare()
        return response


def create(session: Session, seconds: float) -> dict[str, Any]:
    api = Api(lambda: session.block_storage, "3.50")
    return api.request("volume_create", "POST", "/volumes", "create", Deadline.after(seconds))


def test_who_waits_for_another_credential_waits_until_the_deadline() -> None:
    refused, other = Connection(401), Connection(200)
    session = Session(refused, lambda: None)
    # Long after the deadline, and long before a request would end that is sent now.
    late = threading.Timer(5, session.replace, [other])
    late.start()
    with pytest.raises(CredentialRefused):
        create(session, 0.2)
    late.cancel()
    assert (len(refused.timeouts), other.timeouts) == (1, [])


def test_a_creation_that_is_sent_with_another_credential_has_all_its_time() -> None:
    refused, other = Connection(401), Connection(200)
    session = Session(refused, lambda: session.replace(other))
    assert create(session, 5) == {"volume": {}}
    assert other.timeouts == [30.0]
