# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud over HTTP: Keystone with passwords and tokens, a Cinder that lists volumes, a Nova."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_SILENCE = 10.0


class FakeKeystone:
    """One region.

    :ivar passwords: of each user; the user's project has the user's name.
    :ivar volumes: names of the volumes of each project.
    :ivar refused: how many times a password was refused.
    :ivar granted: how many tokens were given.
    :ivar expires: when the next tokens do, as Keystone writes it.
    :ivar user_agents: who asked, request by request.
    :ivar asked: how many tokens were asked for.
    :ivar answering: cleared, requests for tokens are not answered, for LONGEST_SILENCE at most.
    :ivar broken: requests for tokens are answered with 500.
    :ivar has_nova: whether the catalog names a compute service.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.passwords: dict[str, str] = {}
        self.volumes: dict[str, list[str]] = {}
        self.refused = 0
        self.granted = 0
        self.user_agents: list[str] = []
        self.has_nova = True
        self.expires = "2099-01-01T00:00:00.000000Z"
        self.asked = 0
        self.answering = threading.Event()
        self.answering.set()
        self.broken = False
        self._tokens: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        scheme = "http"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeKeystone]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def change_password(self, user: str, password: str) -> None:
        """As Keystone does it: the user's tokens are void."""
        self.passwords[user] = password
        self._tokens = {token: owner for token, owner in self._tokens.items() if owner != user}

    def revoke_tokens(self) -> None:
        """Every token is void; every password is good."""
        self._tokens = {}

    def conf(self, user: str, name: str = "", **more: str) -> str:
        """A section of cloud.conf for a user."""
        section = f'[Global "{name}"]' if name else "[Global]"
        entries = {
            "auth-url": f"{self.url}/v3",
            "username": user,
            "password": self.passwords.get(user, "unknown"),
            "tenant-name": user,
            "domain-id": "default",
            "region": "RegionOne",
            **more,
        }
        return "\n".join([section, *(f'{key} = "{value}"' for key, value in entries.items()), ""])

    # What is asked over HTTP: status, body, headers.

    def authenticate(self, request: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        self.asked += 1
        self.answering.wait(LONGEST_SILENCE)
        if self.broken:
            return 500, {"error": {"code": 500, "message": "An unexpected error."}}, {}
        user = request["auth"]["identity"]["password"]["user"]
        if self.passwords.get(user["name"]) != user["password"]:
            self.refused += 1
            return (
                401,
                {"error": {"code": 401, "message": "The request you have made requires authentication."}},
                {},
            )
        self.granted += 1
        token = uuid.uuid4().hex
        self._tokens[token] = user["name"]
        catalog = [
            _service("identity", f"{self.url}/v3"),
            _service("block-storage", f"{self.url}/volume/v3"),
            # As clouds do that have had Cinder for long.
            _service("volumev3", f"{self.url}/volume/v3"),
        ]
        if self.has_nova:
            catalog.append(_service("compute", f"{self.url}/compute/v2.1"))
        body = {
            "methods": ["password"],
            "user": {
                "id": user["name"],
                "name": user["name"],
                "domain": {"id": "default", "name": "Default"},
            },
            "project": {
                "id": user["name"],
                "name": user["name"],
                "domain": {"id": "default", "name": "Default"},
            },
            "catalog": catalog,
            "expires_at": self.expires,
            "issued_at": "2026-01-01T00:00:00.000000Z",
        }
        return 201, {"token": body}, {"X-Subject-Token": token}

    def answer(self, path: str, token: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        match path.partition("?")[0].rstrip("/"):
            case "" | "/v3":
                return 200, {"version": _version("v3.14", f"{self.url}/v3/")}, {}
            case "/volume/v3":
                return 200, {"versions": [_version("v3.0", f"{self.url}/volume/v3/", "3.71")]}, {}
            case "/compute/v2.1":
                return 200, {"version": _version("v2.1", f"{self.url}/compute/v2.1/", "2.96")}, {}
            case "/volume/v3/volumes" | "/volume/v3/volumes/detail" if token in self._tokens:
                names = self.volumes.get(self._tokens[token], [])
                return 200, {"volumes": [_volume(name) for name in names]}, {}
            case "/volume/v3/volumes" | "/volume/v3/volumes/detail":
                return 401, {"error": {"code": 401, "message": "The request requires authentication."}}, {}
        return 404, {"error": {"code": 404, "message": path}}, {}


def _service(kind: str, url: str) -> dict[str, Any]:
    endpoint = {
        "interface": "public",
        "region": "RegionOne",
        "region_id": "RegionOne",
        "url": url,
        "id": kind,
    }
    return {"type": kind, "name": kind, "id": kind, "endpoints": [endpoint]}


def _version(version: str, url: str, newest: str = "") -> dict[str, Any]:
    return {
        "id": version,
        "status": "CURRENT",
        "version": newest,
        "min_version": newest and f"{newest[0]}.0",
        "links": [{"rel": "self", "href": url}],
    }


def _volume(name: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "name": name,
        "status": "available",
        "size": 1,
        "volume_type": "fast",
        "availability_zone": "az1",
        "metadata": {},
        "attachments": [],
        "multiattach": False,
    }


def _handler(cloud: FakeKeystone) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cloud.user_agents.append(self.headers["User-Agent"])
            self._send(*cloud.answer(self.path, self.headers.get("X-Auth-Token", "")))

        def do_POST(self) -> None:
            cloud.user_agents.append(self.headers["User-Agent"])
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = cloud.authenticate(given)
            with contextlib.suppress(ConnectionError):
                # Who asked may have given up.
                self._send(*answer)

        def _send(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    return Handler
