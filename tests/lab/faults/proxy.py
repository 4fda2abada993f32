# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxies between the driver and the lab's services, which let faults happen.

One stands before each service. Answers name the proxies wherever they named the services, so the
driver, told where Keystone's proxy is, finds the others in the catalog as it always does.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .faults import Fault, Faults

#: Headers of one connection, which are not passed on.
_OWN = frozenset(
    {"connection", "content-length", "date", "host", "keep-alive", "server", "transfer-encoding"}
)
#: Kinds of objects whose status is shown wrongly, by their names in answers.
_OBJECTS = {
    "volume": "volumes",
    "snapshot": "snapshots",
    "backup": "backups",
    "group": "groups",
    "group_snapshot": "group_snapshots",
}
#: Reset when the socket is closed, instead of an orderly end.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Answer:
    """What a service said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Proxy(http.server.ThreadingHTTPServer):
    """A proxy before one service.

    :param service: ``host:port``; it speaks HTTP.
    :param renamed: URLs' beginnings that answers have, and those they get instead; shared by all proxies.
    :param faults: None for a service that is always well.
    :param silence: seconds after which a request without an answer is ended at the latest.
    """

    scheme = "http"
    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, service: str, renamed: dict[str, str], faults: Faults | None, silence: float, log: Any
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.renamed = renamed
        self.faults = faults
        self.silence = silence
        self.log = log
        renamed[f"http://{service}"] = self.origin

    @property
    def origin(self) -> str:
        """The beginning of the URLs of what it serves."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The driver hanging up is part of the test, and any other error shows in the driver's calls."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        faults = self.server.faults
        fault = faults.draw(self.command, self.path) if faults else None
        self._note(f"> {fault.words if fault else ''}", body)
        if not self._refused(fault):
            self._answered(fault, self._forward(body))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    def _refused(self, fault: Fault | None) -> bool:
        """Let happen what keeps the request from the service. Return whether it did."""
        match fault:
            case Fault.ERROR:
                self._send(_fault(500, "injected"))
            case Fault.UNAVAILABLE:
                self._send(_fault(503, "injected", {"Retry-After": "2"}))
            case Fault.TOO_MANY:
                self._send(_fault(429, "injected", {"Retry-After": "1"}))
            case Fault.FOREIGN:
                self._send(Answer(404, {"Content-Type": "text/plain"}, b"default backend - 404"))
            case Fault.REVOKED:
                self._send(_fault(401, "injected"))
            case Fault.RESET:
                self._reset()
            case Fault.SILENCE:
                self._keep_silent()
            case _:
                return False
        return True

    def _answered(self, fault: Fault | None, answer: Answer) -> None:
        """Send an answer on, or let happen what spoils it."""
        self._note(f"< {answer.status}", answer.body)
        match fault:
            case Fault.ERROR_AFTER:
                self._send(_fault(500, "injected"))
            case Fault.RESET_AFTER:
                self._reset()
            case Fault.CUT_OFF:
                self._send(answer, cut_off=True)
                self._reset()
            case Fault.GARBLED:
                self._send(Answer(200, {"Content-Type": "text/html"}, b"<html>a proxy's page</html>"))
            case Fault.SILENCE_AFTER:
                self._keep_silent()
            case Fault.SLOW:
                time.sleep(self.server.silence / 4)
                self._send(answer)
            case _:
                self._send(answer)

    def _forward(self, body: bytes) -> Answer:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        connection = http.client.HTTPConnection(self.server.service, timeout=120)
        try:
            connection.request(self.command, self.path, body or None, headers)
            got = connection.getresponse()
            said = got.read()
        finally:
            connection.close()
        for service, proxy in self.server.renamed.items():
            said = said.replace(service.encode(), proxy.encode())
        if self.server.faults and got.status == 200:
            said = _with_statuses(said, self.server.faults)
        return Answer(got.status, {k: v for k, v in got.getheaders() if k.lower() not in _OWN}, said)

    def _send(self, answer: Answer, cut_off: bool = False) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut_off else answer.body)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # Closing the descriptor itself: the server would end the connection in an orderly way.
        os.close(self.connection.detach())

    def _keep_silent(self) -> None:
        self.close_connection = True
        select.select([self.connection], [], [], self.server.silence)

    def _note(self, what: str, body: bytes) -> None:
        secret = "/auth/" in self.path
        text = "" if secret else body[:300].decode(errors="replace")
        self.server.log.write(f"{time.time():.3f} {self.command} {self.path} {what} {text}\n")


def _fault(status: int, words: str, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps({"computeFault": {"code": status, "message": words}}).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


def _with_statuses(body: bytes, faults: Faults) -> bytes:
    """An answer's body with the statuses that the faults have it show."""
    said = json.loads(body) if body.startswith(b"{") else {}
    for one, many in _OBJECTS.items():
        for shown in [said[one]] if one in said else said.get(many, []):
            if "status" in shown:
                shown["status"] = faults.status(one, shown["id"], shown["status"])
    return json.dumps(said).encode() if said else body


@contextmanager
def before(
    keystone: str, services: list[str], proxy_of: Callable[[str, dict[str, str]], Proxy]
) -> Iterator[str]:
    """Put proxies before Keystone and other services. Return Keystone's URL.

    :param keystone: its URL.
    :param services: URLs.
    :param proxy_of: makes the proxy of a service, and gets what all of them rename.
    """
    renamed: dict[str, str] = {}
    with ExitStack() as running:
        for service in {urlsplit(url).netloc for url in (keystone, *services)}:
            proxy = proxy_of(service, renamed)
            running.callback(proxy.server_close)
            running.callback(proxy.shutdown)
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
        known = urlsplit(keystone)
        yield renamed[f"http://{known.netloc}"] + known.path
