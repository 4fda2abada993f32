# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gRPC server on a unix socket, or on TCP with mutual TLS."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from concurrent import futures

import grpc

from ..cannot_start import BadEndpoint


def socket_path(endpoint: str) -> str:
    """Return the file of an endpoint: ``unix:///csi/csi.sock``, ``unix:/csi/csi.sock`` or a path.

    ``unix://csi/csi.sock``, as cloud-provider-openstack's manifests have it, is ``/csi/csi.sock`` too.

    :raises BadEndpoint: it is of another kind, or not an absolute path.
    """
    path = endpoint.removeprefix("unix:")
    if endpoint.startswith("unix://"):
        path = f"/{endpoint.removeprefix('unix://').lstrip('/')}"
    if not path.startswith("/") or path == "/":
        raise BadEndpoint(
            f"--endpoint is {endpoint!r}: it has to be an absolute path such as unix:///csi/csi.sock,"
            " or an address such as tcp://127.0.0.1:10000"
        )
    return path


def tcp_address(endpoint: str) -> str:
    """Return the address of an endpoint ``tcp://127.0.0.1:10000``, an empty string for one of another kind.

    :raises BadEndpoint: there is no host or no port in it.
    """
    if not endpoint.startswith("tcp://"):
        return ""
    address = endpoint.removeprefix("tcp://")
    host, dummy, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise BadEndpoint(f"--endpoint is {endpoint!r}: give host and port, such as tcp://127.0.0.1:10000")
    return address


def listen(path: str, threads: int, interceptors: Sequence[grpc.ServerInterceptor]) -> grpc.Server:
    """Make a server that will serve on a socket; a socket left by an earlier process is replaced.

    :raises BadEndpoint: something else than a socket is there, or the folder is missing.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise BadEndpoint(f"{path} exists and is not a socket: choose another --endpoint")
        os.unlink(path)
    if not os.path.isdir(os.path.dirname(path)):
        raise BadEndpoint(f"the folder of {path} does not exist: create it, or choose another --endpoint")
    server = _server(threads, interceptors)
    # Whoever can write to the socket can have volumes deleted.
    mask = os.umask(0o077)
    try:
        server.add_insecure_port(f"unix://{path}")
    finally:
        os.umask(mask)
    return server


def listen_tcp(
    address: str,
    threads: int,
    interceptors: Sequence[grpc.ServerInterceptor],
    credentials: grpc.ServerCredentials,
) -> tuple[grpc.Server, int]:
    """Make a server that will serve on TCP, to the clients that the credentials let in. Return its port too.

    :raises BadEndpoint: the address cannot be bound.
    """
    server = _server(threads, interceptors)
    try:
        return server, server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise BadEndpoint(f"cannot listen on {address}: {error}") from error


def _server(threads: int, interceptors: Sequence[grpc.ServerInterceptor]) -> grpc.Server:
    return grpc.server(
        futures.ThreadPoolExecutor(threads, thread_name_prefix="rpc"),
        interceptors=list(interceptors),
        options=[("grpc.so_reuseport", 0)],
    )
