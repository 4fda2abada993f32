# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata service: tells a node which server it is, by the address it asks from.

    python -m mooring_lab_nova.metadata ADDRESS FILE

FILE is a JSON list of {"networks": ["10.98.0.11/32", ...], "metadata": {...}}, read anew for each request.
"""

from __future__ import annotations

import http.server
import ipaddress
import json
import pathlib
import sys
from typing import Any

PORT = 80
DOCUMENT = "/openstack/latest/meta_data.json"


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the one document there is, and its index."""

    file: pathlib.Path

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/openstack":
            self._answer(200, "text/plain", "latest\n")
        elif self.path != DOCUMENT:
            self._answer(404, "text/plain", f"There is only {DOCUMENT}\n")
        elif (metadata := self._metadata()) is None:
            self._answer(404, "text/plain", f"No server has the address {self.client_address[0]}\n")
        else:
            self._answer(200, "application/json", json.dumps(metadata))

    def _metadata(self) -> dict[str, Any] | None:
        if not self.file.exists():
            return None
        caller = ipaddress.ip_address(self.client_address[0])
        for server in json.loads(self.file.read_text()):
            if any(caller in ipaddress.ip_network(network) for network in server["networks"]):
                metadata: dict[str, Any] = server["metadata"]
                return metadata
        return None

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Handler.file = pathlib.Path(sys.argv[2])
    http.server.ThreadingHTTPServer((sys.argv[1], PORT), Handler).serve_forever()
