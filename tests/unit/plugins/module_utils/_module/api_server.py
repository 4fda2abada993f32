# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kubernetes API server in memory, in the place of the Kubernetes client that kubernetes.core makes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from ansible_collections.mooring.storage.plugins.module_utils._module.claim.plan import merged
from ansible_collections.mooring.storage.plugins.module_utils._module.cluster import Object

COLLECTIONS = ("pods", "events", "persistentvolumes", "storageclasses", "csidrivers")


class Refused(Exception):
    """What the Kubernetes client raises for an answer that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = json.dumps({"kind": "Status", "message": message}).encode()


class Answer:
    """A response of the client."""

    def __init__(self, content: Object) -> None:
        self.data = json.dumps(content).encode()


class ApiServer:
    """Objects by path. It is its own client.

    :ivar writes: method and path of each call that may change something.
    :ivar controller: called before each read; plays the cluster's controllers.
    :ivar refusals: path to what a call of it is refused with.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.writes: list[tuple[str, str]] = []
        self.controller: Callable[[], None] = lambda: None
        self.refusals: dict[str, Exception] = {}
        self.client = self

    def request(self, method: str, path: str, body: Any = None, **params: Any) -> Answer:
        assert params["_request_timeout"]
        assert params["serialize"] is False
        if path in self.refusals:
            raise self.refusals[path]
        if method != "get":
            self.writes.append((method, path))
            return Answer(getattr(self, f"_{method}")(path, body))
        self.controller()
        if path in self.objects:
            return Answer(self.objects[path])
        if path.rsplit("/", 1)[1] in COLLECTIONS:
            return Answer({"items": [self.objects[key] for key in self._below(path)]})
        raise Refused(404, f"{path} not found")

    def _below(self, path: str) -> list[str]:
        return [key for key in self.objects if key.rsplit("/", 1)[0] == path]

    def _post(self, path: str, body: Object) -> Object:
        made = copy.deepcopy(body)
        made["metadata"]["uid"] = "uid-1"
        made["status"] = {"phase": "Pending"}
        self.objects[f"{path}/{made['metadata']['name']}"] = made
        return made

    def _patch(self, path: str, body: Object) -> Object:
        self.objects[path] = merged(self.objects[path], body)
        return self.objects[path]

    def _delete(self, path: str, body: Object) -> Object:
        found = self.objects[path]
        assert body["preconditions"]["uid"] == found["metadata"]["uid"]
        if found["metadata"].get("finalizers"):
            found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        else:
            del self.objects[path]
        return found
