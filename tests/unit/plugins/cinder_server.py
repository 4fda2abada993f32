# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small server that speaks the QoS part of Cinder's API, for the SDK to talk to over a real socket.

Answers, statuses and refusals are those of Cinder 29.
"""

from __future__ import annotations

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 3


class Refused(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class CinderServer:
    """Cinder's state, and the address where it answers.

    :ivar writes: method and path of each call that may change something.
    :ivar broken: status and message that refuse every call but the version discovery, if any.
    """

    def __init__(self) -> None:
        self.specs: dict[str, dict[str, Any]] = {}
        self.types: dict[str, str] = {}
        self.uses: dict[str, str] = {}
        self.writes: list[str] = []
        self.broken: tuple[int, str] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v3"

    @property
    def cloud(self) -> dict[str, Any]:
        """What openstacksdk, and the option ``cloud``, need to reach it."""
        return {"auth_type": "none", "block_storage_endpoint_override": self.url}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_type(self, name: str) -> str:
        type_id = str(uuid.uuid4())
        self.types[type_id] = name
        return type_id

    def add_spec(self, name: str, specs: dict[str, str], consumer: str = "back-end") -> str:
        spec_id = str(uuid.uuid4())
        self.specs[spec_id] = {"id": spec_id, "name": name, "consumer": consumer, "specs": dict(specs)}
        return spec_id

    def answer(self, method: str, path: str, query: dict[str, str], sent: Any) -> tuple[int, Any]:
        parts = path.removeprefix("/v3").strip("/").split("/")
        if self.broken is not None and parts != [""]:
            raise Refused(*self.broken)
        match method, parts:
            case "GET", [""]:
                return 200, {"version": self._version()}
            case "GET", ["types"]:
                return 200, {"volume_types": [{"id": key, "name": name} for key, name in self.types.items()]}
            case "GET", ["qos-specs"]:
                return 200, self._page(query.get("marker"))
            case "POST", ["qos-specs"]:
                return self._create(dict(sent["qos_specs"]))
            case "PUT", ["qos-specs", spec_id]:
                return self._set(self._spec(spec_id), dict(sent["qos_specs"]))
            case "PUT", ["qos-specs", spec_id, "delete_keys"]:
                return self._unset(self._spec(spec_id), sent["keys"])
            case "DELETE", ["qos-specs", spec_id]:
                return self._delete(self._spec(spec_id), query.get("force"))
            case "GET", ["qos-specs", spec_id, verb]:
                return self._follow(verb, self._spec(spec_id)["id"], query)
        raise Refused(404, f"no such route: {method} {path}")

    def _follow(self, verb: str, spec_id: str, query: dict[str, str]) -> tuple[int, Any]:
        if verb == "associations":
            return 200, {"qos_associations": self._associations(spec_id)}
        return self._associate(verb, spec_id, query["vol_type_id"])

    def _version(self) -> dict[str, Any]:
        return {
            "id": "v3.0",
            "status": "CURRENT",
            "version": "3.71",
            "min_version": "3.0",
            "links": [{"rel": "self", "href": self.url}],
        }

    def _page(self, marker: str | None) -> dict[str, Any]:
        ids = sorted(self.specs)
        start = 0 if marker is None else ids.index(marker) + 1
        page: dict[str, Any] = {"qos_specs": [self.specs[key] for key in ids[start : start + PAGE]]}
        if len(page["qos_specs"]) == PAGE:
            page["qos_specs_links"] = [{"rel": "next", "href": "unused"}]
        return page

    def _spec(self, spec_id: str) -> dict[str, Any]:
        if spec_id not in self.specs:
            raise Refused(404, f"No such qos spec {spec_id}.")
        return self.specs[spec_id]

    def _create(self, sent: dict[str, str]) -> tuple[int, Any]:
        name, consumer = sent.pop("name"), sent.pop("consumer")
        if name in (spec["name"] for spec in self.specs.values()):
            raise Refused(409, f"QoS Specs {name} already exists.")
        return 200, {"qos_specs": self.specs[self.add_spec(name, sent, consumer)]}

    def _set(self, spec: dict[str, Any], sent: dict[str, str]) -> tuple[int, Any]:
        spec["consumer"] = sent.pop("consumer", spec["consumer"])
        spec["specs"].update(sent)
        return 200, {"qos_specs": sent}

    def _unset(self, spec: dict[str, Any], keys: list[str]) -> tuple[int, Any]:
        for key in keys:
            if key not in spec["specs"]:
                raise Refused(404, f"QoS spec {spec['id']} has no spec with key {key}.")
            del spec["specs"][key]
        return 202, None

    def _delete(self, spec: dict[str, Any], force: str | None) -> tuple[int, Any]:
        if self._associations(spec["id"]) and force != "true":
            raise Refused(400, "Qos specs still in use.")
        self.uses = {key: value for key, value in self.uses.items() if value != spec["id"]}
        del self.specs[spec["id"]]
        return 202, None

    def _associations(self, spec_id: str) -> list[dict[str, str]]:
        return [
            {"association_type": "volume_type", "id": key, "name": self.types[key]}
            for key, value in self.uses.items()
            if value == spec_id
        ]

    def _associate(self, verb: str, spec_id: str, type_id: str) -> tuple[int, Any]:
        if type_id not in self.types:
            raise Refused(404, f"Volume type {type_id} could not be found.")
        self.writes.append(f"{verb} {self.types[type_id]}")
        if verb == "disassociate":
            self.uses.pop(type_id, None)
        elif self.uses.setdefault(type_id, spec_id) != spec_id:
            raise Refused(400, f"Type {type_id} is already associated with another qos specs")
        return 202, None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        state = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def respond(self) -> None:
                url = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
                if self.command != "GET":
                    state.writes.append(f"{self.command} {url.path.removeprefix('/v3')}")
                try:
                    status, answer = state.answer(self.command, url.path, query, sent)
                except Refused as refused:
                    status = refused.status
                    answer = {"error": {"code": status, "message": refused.message}}
                payload = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.send_header("x-openstack-request-id", "req-of-the-test")
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_PUT = do_DELETE = respond

        return Handler
