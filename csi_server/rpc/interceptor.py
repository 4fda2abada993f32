# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds each RPC: its log line, its metrics, and the status of what it raises."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from . import trace
from .metrics import Metrics, exemplar
from .redaction import made, redacted, subject, without_secrets
from .status import is_foreseen, status_of

LOG = logging.getLogger(__name__)

#: Asked for every few seconds by those who watch: not worth a line each.
QUIET = frozenset(
    {"Probe", "GetPluginInfo", "GetPluginCapabilities", "NodeGetCapabilities", "NodeGetVolumeStats"}
)


class Calls(grpc.ServerInterceptor):
    """Surrounds every unary RPC of a server."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method.rpartition("/")[2]
        serve = handler.unary_unary

        def served(request: Message, context: grpc.ServicerContext) -> Any:
            return self._serve(method, serve, request, context)

        return grpc.unary_unary_rpc_method_handler(
            served, handler.request_deserializer, handler.response_serializer
        )

    def _serve(
        self,
        method: str,
        serve: Callable[[Message, grpc.ServicerContext], Any],
        request: Message,
        context: grpc.ServicerContext,
    ) -> Any:
        requests = trace.begin()
        start = time.monotonic()
        code, words, response = grpc.StatusCode.OK, "", None
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug("%s begins", method, extra={"request": str(redacted(request))})
        with self._metrics.rpc_in_flight.labels(method).track_inprogress():
            try:
                response = serve(request, context)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status
                code, words = status_of(error)
                words = without_secrets(words, request)
                if not is_foreseen(error):
                    # Not LOG.exception: the error's text may hold anything that the request held.
                    raised = without_secrets(traceback.format_exc(), request)
                    LOG.error("%s raised", method, extra={"traceback": raised})
        seconds = time.monotonic() - start
        about = subject(request)
        shown = exemplar(dict(list(about.items())[:1]))
        self._metrics.rpc_seconds.labels(method, code.name).observe(seconds, shown)
        LOG.log(
            _level(method, code),
            "%s",
            method,
            extra={
                **about,
                **made(response),
                "code": code.name,
                "seconds": round(seconds, 3),
                **({"openstack_requests": requests} if requests else {}),
                **({"error": words} if words else {}),
            },
        )
        # abort raises, so it stands outside of the block that catches what the servicer raises.
        if code is not grpc.StatusCode.OK:
            context.abort(code, words)
        return response


def _level(method: str, code: grpc.StatusCode) -> int:
    if code is not grpc.StatusCode.OK:
        return logging.ERROR if code is grpc.StatusCode.INTERNAL else logging.WARNING
    return logging.DEBUG if method in QUIET else logging.INFO
