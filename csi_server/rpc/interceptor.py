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
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message

from ...plugins.module_utils._cloud.errors import InvalidRequest
from . import trace
from .metrics import Metrics, exemplar
from .redaction import made, redacted, subject, without_secrets
from .status import is_foreseen, status_of

LOG = logging.getLogger(__name__)

#: Bytes of an error that the client gets: with more, gRPC drops the whole answer. It writes each byte that is
#: not ASCII as three, and takes 8 KiB.
LONGEST_DETAILS = 1500

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

        deserialize: Callable[[bytes], Message] = handler.request_deserializer or Empty.FromString

        def decoded(data: bytes) -> Message | DecodeError:
            # gRPC itself would answer INTERNAL and write a traceback for what is the client's fault.
            try:
                return deserialize(data)
            except DecodeError as error:
                return error

        def served(request: Message | DecodeError, context: grpc.ServicerContext) -> Any:
            if isinstance(request, DecodeError):
                return self._serve(method, _refuse, Empty(), context)
            return self._serve(method, serve, request, context)

        return grpc.unary_unary_rpc_method_handler(served, decoded, handler.response_serializer)

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
        with self._metrics.rpc_in_flight.labels(method).one_more():
            try:
                response = serve(request, context)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status
                code, words = status_of(error)
                words = _sendable(without_secrets(words, request))
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


def _refuse(request: Message, context: grpc.ServicerContext) -> None:
    raise InvalidRequest("the request is no message of this method, or a text in it is not UTF-8")


def _sendable(words: str) -> str:
    """As much of an error's text as gRPC sends, which is UTF-8: a file's name may hold other bytes."""
    return words.encode(errors="backslashreplace")[:LONGEST_DETAILS].decode(errors="ignore")


def _level(method: str, code: grpc.StatusCode) -> int:
    if code is not grpc.StatusCode.OK:
        return logging.ERROR if code is grpc.StatusCode.INTERNAL else logging.WARNING
    return logging.DEBUG if method in QUIET else logging.INFO
