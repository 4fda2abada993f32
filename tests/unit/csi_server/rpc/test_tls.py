# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program serves over TLS: real sockets, certificates made here."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.cannot_start import BadCertificate, BadEndpoint
from ansible_collections.mooring.storage.csi_server.config import options
from ansible_collections.mooring.storage.csi_server.program import Program
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.csi_server.rpc import http as web
from ansible_collections.mooring.storage.csi_server.rpc.certificates import (
    Certificate,
    grpc_credentials,
)
from ansible_collections.mooring.storage.csi_server.rpc.identity import IdentityOptions, IdentityServicer
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.readiness import Readiness
from ansible_collections.mooring.storage.csi_server.rpc.server import listen_tcp
from ansible_collections.mooring.storage.tests.unit.csi_server.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


@pytest.fixture
def metrics_port(authority: Authority) -> Iterator[int]:
    certificate, key = authority.issue("server")
    server = web.serve(("127.0.0.1", 0), Readiness(), Metrics(), Certificate(str(certificate), str(key)))
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def healthz(port: int, ca: Path) -> int:
    context = ssl.create_default_context(cafile=str(ca))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_metrics_are_served_over_tls_and_not_without(metrics_port: int, authority: Authority) -> None:
    assert healthz(metrics_port, authority.file) == 200
    plain = http.client.HTTPConnection("127.0.0.1", metrics_port, timeout=10)
    plain.request("GET", "/metrics")
    with pytest.raises((http.client.BadStatusLine, ConnectionError)):
        plain.getresponse()
    assert healthz(metrics_port, authority.file) == 200


def test_a_replaced_certificate_is_served_from_the_next_connection_on(
    metrics_port: int, authority: Authority, tmp_path: Path
) -> None:
    assert healthz(metrics_port, authority.file) == 200
    other = Authority(tmp_path, "other")
    other.issue("server")
    with pytest.raises(ssl.SSLCertVerificationError):
        healthz(metrics_port, authority.file)
    assert healthz(metrics_port, other.file) == 200


def test_a_broken_certificate_leaves_the_former_one_in_use(
    metrics_port: int, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "server.crt").write_text("no certificate")
    assert healthz(metrics_port, authority.file) == 200
    assert "the former certificate stays in use" in caplog.text


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    certificate, dummy = authority.issue("one")
    dummy, key = authority.issue("two")
    with pytest.raises(BadCertificate, match=r"one\.crt.*two\.key"):
        Certificate(str(certificate), str(key))


@pytest.fixture
def call(authority: Authority, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Asks a CSI server on TCP for its name, with a client's certificate."""
    certificate, key = authority.issue("server")
    credentials = grpc_credentials(Certificate(str(certificate), str(key), str(authority.file)))
    server, port = listen_tcp("127.0.0.1:0", 2, [], credentials)
    identity = IdentityServicer(IdentityOptions("a.driver", "1", controller=True), Readiness())
    csi_pb2_grpc.add_IdentityServicer_to_server(identity, server)
    server.start()

    def ask(ca: Path, certificate: Path | None = None, key: Path | None = None) -> str:
        client = grpc.ssl_channel_credentials(
            ca.read_bytes(),
            key.read_bytes() if key else None,
            certificate.read_bytes() if certificate else None,
        )
        with grpc.secure_channel(f"127.0.0.1:{port}", client) as channel:
            stub = csi_pb2_grpc.IdentityStub(channel)
            return str(stub.GetPluginInfo(csi.GetPluginInfoRequest(), timeout=10).name)

    yield ask
    server.stop(0).wait()


def test_csi_over_tcp_takes_a_client_of_the_authority(call: Callable[..., str], authority: Authority) -> None:
    assert call(authority.file, *authority.issue("client")) == "a.driver"


def test_csi_over_tcp_takes_no_other_client(
    call: Callable[..., str], authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger").issue("unknown")
    for shown in ((), stranger):
        with pytest.raises(grpc.RpcError) as refused:
            call(authority.file, *shown)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_replaced_certificate_is_served_by_csi_too(
    call: Callable[..., str], authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    client = authority.issue("client")
    other.issue("server")
    assert call(other.file, *client) == "a.driver"


def test_csi_over_tcp_without_mutual_tls_is_refused() -> None:
    arguments = ["--provide-node-service", "--endpoint=tcp://127.0.0.1:0"]
    with pytest.raises(BadEndpoint, match="mutual TLS"):
        Program(options.parse(arguments)).start()


def test_a_certificate_of_the_metrics_needs_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parse(["--endpoint=unix:///s", "--provide-node-service", "--http-tls-cert=/c"])
    assert "--http-tls-cert and --http-tls-key go together" in capsys.readouterr().err
