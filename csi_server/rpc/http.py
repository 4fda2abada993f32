# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/healthz, /readyz and /metrics over HTTP, for the kubelet and for Prometheus."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from .exposition import chosen
from .metrics import Metrics
from .readiness import Readiness

if TYPE_CHECKING:
    from .certificates import Certificate

LOG = logging.getLogger(__name__)
#: Clients at a time, each with a thread. Those who may ask are the kubelet and a Prometheus or two.
MOST_CLIENTS = 32


class QuietServer(ThreadingHTTPServer):
    """Serves each client in a thread of its own.

    One too many takes the place of the one that came first: neither slow clients nor many of them keep
    the kubelet from being answered, or take more memory than MOST_CLIENTS need.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._lock = threading.Lock()
        self._clients: list[socket.socket] = []
        host, port = address
        if not host and socket.has_dualstack_ipv6():
            host = "::"
        host = host.removeprefix("[").removesuffix("]")
        families = {found[0] for found in socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)}
        self.address_family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind, without the look-up in the DNS for a name that nothing here asks for."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._clients.append(request)
            if len(self._clients) > MOST_CLIENTS:
                # Its thread reads the end now, and closes it. TLS's own shutdown would take it off TLS first.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._clients.pop(0), socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            if request in self._clients:
                self._clients.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left, speaks no TLS or trusts another authority is no trouble of ours."""
        ours = not isinstance(sys.exception(), OSError)
        LOG.log(
            logging.ERROR if ours else logging.DEBUG,
            "an HTTP client was not served",
            extra={"client": str(client_address)},
            exc_info=True,
        )


class TlsServer(QuietServer):
    """Serves over TLS, by the certificate that is there when a client comes."""

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], certificate: Certificate
    ) -> None:
        self._certificate = certificate
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        context = self._certificate.current().context
        # The handshake is the handler's, which has a thread of its own and a timeout.
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address


def serve(
    address: tuple[str, int], readiness: Readiness, metrics: Metrics, certificate: Certificate | None = None
) -> ThreadingHTTPServer:
    """Serve in a thread of its own until the returned server's ``shutdown`` is called.

    :param address: host and port; without a host, every address of IPv4 and IPv6.
    :param certificate: serves over TLS; None for plain HTTP.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/healthz":
                    self._answer(200, "text/plain", b"ok\n")
                case "/readyz":
                    reasons = readiness.reasons()
                    lines = [*(reasons or ["ok"]), *readiness.remarked()]
                    content = "\n".join([*lines, ""]).encode(errors="backslashreplace")
                    self._answer(503 if reasons else 200, "text/plain", content)
                case "/metrics":
                    # Exemplars exist in OpenMetrics alone, so what is asked for counts.
                    form = chosen(self.headers.get("Accept", ""))
                    self._answer(200, form.content_type, form.write(metrics.collect()))
                case _:
                    self._answer(404, "text/plain", b"there are /healthz, /readyz and /metrics\n")

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Requests come every few seconds; none is worth a line."""

    server = TlsServer(address, Handler, certificate) if certificate else QuietServer(address, Handler)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
