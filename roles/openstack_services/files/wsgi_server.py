# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one WSGI application of OpenStack under waitress, with an access log.

    wsgi_server.py MODULE ADDRESS:PORT ACCESS_LOG [OPTIONS OF THE SERVICE...]

The access log has one JSON object a line: ``time`` (UTC, ISO 8601), ``address`` of the caller, ``method``,
``path`` with its query, ``status``, ``seconds``, ``request_id`` (ours), ``global_request_id`` (the
caller's, null if it sent none: one service calling another for a request sends it) and ``user_agent``.
"""

from __future__ import annotations

import datetime
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import waitress

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AccessLog:
    """WSGI middleware that writes a line when the response has begun."""

    def __init__(self, application: Application, log: TextIO) -> None:
        self._application = application
        self._log = log

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.monotonic()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self._write(environ, status, headers, time.monotonic() - began)
            return start_response(status, headers, exc_info)

        # Routers move the front of PATH_INFO to SCRIPT_NAME: keep what the caller asked for.
        environ["access_log.path"] = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return self._application(environ, start)

    def _write(
        self, environ: dict[str, Any], status: str, headers: list[tuple[str, str]], seconds: float
    ) -> None:
        answer = {name.lower(): value for name, value in headers}
        query = environ.get("QUERY_STRING")
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "address": environ.get("REMOTE_ADDR"),
            "method": environ.get("REQUEST_METHOD"),
            "path": environ["access_log.path"] + (f"?{query}" if query else ""),
            "status": int(status.split(maxsplit=1)[0]),
            "seconds": round(seconds, 4),
            "request_id": answer.get("x-openstack-request-id"),
            "global_request_id": environ.get("HTTP_X_OPENSTACK_REQUEST_ID"),
            "user_agent": environ.get("HTTP_USER_AGENT"),
        }
        self._log.write(json.dumps(line) + "\n")


def main() -> None:
    """Serve until killed."""
    module, listen, access_log = sys.argv[1:4]
    # The services read sys.argv for their own options when their module is imported.
    sys.argv = [module, *sys.argv[4:]]
    application: Application = importlib.import_module(module).application
    with open(access_log, "a", buffering=1, encoding="utf-8") as log:
        waitress.serve(AccessLog(application, log), listen=listen, threads=8)


if __name__ == "__main__":
    main()
