# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/healthz, /readyz and /metrics over HTTP, for the kubelet and for Prometheus."""

from __future__ import annotations

import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client.exposition import choose_encoder

from .certificates import Certificate
from .metrics import Metrics
from .readiness import Readiness

LOG = logging.getLogger(__name__)


class QuietServer(ThreadingHTTPServer):
    """Serves each client in a thread of its own.

    :param address: host and port; without a host it is every address of the machine, of IPv6 and IPv4.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        host, port = address
        host = host or ("::" if socket.has_dualstack_ipv6() else "0.0.0.0")  # noqa: S104 - it is asked for
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left, speaks no TLS or trusts another authority is no trouble of ours."""
        LOG.debug("an HTTP client was not served", extra={"client": str(client_address)}, exc_info=True)


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
                    self._answer(503 if reasons else 200, "text/plain", "\n".join([*lines, ""]).encode())
                case "/metrics":
                    # Exemplars exist in OpenMetrics alone, so what is asked for counts.
                    encode, kind = choose_encoder(self.headers.get("Accept", ""))
                    self._answer(200, kind, encode(metrics.registry))
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
