# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets, registration and the HTTP endpoint of a process."""

from __future__ import annotations

import logging
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import client
from pathlib import Path

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.cannot_start import BadEndpoint
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import (
    csi_pb2_grpc,
    pluginregistration_pb2_grpc,
)
from ansible_collections.mooring.storage.csi_server.proto import pluginregistration_pb2 as registration
from ansible_collections.mooring.storage.csi_server.rpc import http
from ansible_collections.mooring.storage.csi_server.rpc.identity import IdentityOptions, IdentityServicer
from ansible_collections.mooring.storage.csi_server.rpc.instruments import Family
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.readiness import Readiness
from ansible_collections.mooring.storage.csi_server.rpc.registration import Registration
from ansible_collections.mooring.storage.csi_server.rpc.server import listen, socket_path


@pytest.mark.parametrize(
    "endpoint", ["unix:///csi/csi.sock", "unix:/csi/csi.sock", "/csi/csi.sock", "unix://csi/csi.sock"]
)
def test_the_ways_to_write_a_socket(endpoint: str) -> None:
    assert socket_path(endpoint) == "/csi/csi.sock"


@pytest.mark.parametrize("endpoint", ["", "csi.sock", "unix:csi.sock", "unix://", "tcp://127.0.0.1:1"])
def test_other_endpoints_are_refused(endpoint: str) -> None:
    with pytest.raises(BadEndpoint, match="--endpoint"):
        socket_path(endpoint)


def test_a_socket_left_behind_is_replaced_and_only_its_owner_may_use_it(tmp_path: Path) -> None:
    socket = tmp_path / "csi.sock"
    for dummy in range(2):
        server = listen(str(socket), 1, [])
        assert stat.S_IMODE(socket.stat().st_mode) & 0o077 == 0
        server.start()
        server.stop(0).wait()


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "csi.sock").write_text("data")
    with pytest.raises(BadEndpoint, match="not a socket"):
        listen(str(tmp_path / "csi.sock"), 1, [])
    assert (tmp_path / "csi.sock").read_text() == "data"


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadEndpoint, match="does not exist"):
        listen(str(tmp_path / "none" / "csi.sock"), 1, [])


def test_the_kubelet_learns_the_driver_and_forgets_it(tmp_path: Path) -> None:
    readiness = Readiness()
    registered = Registration(str(tmp_path), "a.driver", "/kubelet/csi.sock", readiness)
    assert readiness.reasons() == ["kubelet: the kubelet has not registered the driver yet"]
    registered.start()
    socket = tmp_path / "a.driver-reg.sock"
    with grpc.insecure_channel(f"unix://{socket}") as channel:
        kubelet = pluginregistration_pb2_grpc.RegistrationStub(channel)
        info = kubelet.GetInfo(registration.InfoRequest())
        assert (info.type, info.name, info.endpoint) == ("CSIPlugin", "a.driver", "/kubelet/csi.sock")
        kubelet.NotifyRegistrationStatus(registration.RegistrationStatus(error="no such version"))
        assert "no such version" in readiness.reasons()[0]
        kubelet.NotifyRegistrationStatus(registration.RegistrationStatus(plugin_registered=True))
        assert readiness.reasons() == []
    registered.stop()
    assert not socket.exists()


@pytest.mark.parametrize("topology", [True, False])
def test_topology_is_told_where_it_is_wanted(topology: bool) -> None:
    servicer = IdentityServicer(IdentityOptions("a.driver", "1", True, topology), Readiness())
    told = servicer.GetPluginCapabilities(csi.GetPluginCapabilitiesRequest(), None).capabilities
    constraints = csi.PluginCapability.Service.VOLUME_ACCESSIBILITY_CONSTRAINTS
    assert (constraints in [each.service.type for each in told]) == topology


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("host", ["", "::"])
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_every_address_is_of_both_families(host: str) -> None:
    web = http.serve((host, 0), Readiness(), Metrics())
    port = web.server_address[1]
    for address in ("127.0.0.1", "::1"):
        connection = client.HTTPConnection(address, port, timeout=5)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
    web.shutdown()
    web.server_close()


def test_without_ipv6_every_address_is_of_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    web = http.serve(("", 0), Readiness(), Metrics())
    assert web.address_family == socket.AF_INET
    assert get(web.server_address[1], "/healthz")[0] == 200
    web.shutdown()
    web.server_close()


def test_not_ready_says_why_over_http_and_over_csi(tmp_path: Path) -> None:
    readiness, metrics = Readiness(), Metrics()
    readiness.lacks("cloud", "Keystone does not answer")
    web = http.serve(("127.0.0.1", 0), readiness, metrics)
    port = web.server_address[1]
    server = listen(str(tmp_path / "s"), 1, [])
    servicer = IdentityServicer(IdentityOptions("a.driver", "1", controller=True), readiness)
    csi_pb2_grpc.add_IdentityServicer_to_server(servicer, server)
    server.start()
    with grpc.insecure_channel(f"unix://{tmp_path}/s") as channel:
        identity = csi_pb2_grpc.IdentityStub(channel)
        assert get(port, "/readyz") == (503, "cloud: Keystone does not answer\n")
        assert not identity.Probe(csi.ProbeRequest()).ready.value
        readiness.has("cloud")
        assert get(port, "/readyz") == (200, "ok\n")
        assert identity.Probe(csi.ProbeRequest()).ready.value
    assert get(port, "/healthz")[0] == 200
    assert "csi_rpc_duration_seconds" in get(port, "/metrics")[1]
    assert get(port, "/other")[0] == 404
    server.stop(0).wait()
    web.shutdown()
    web.server_close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def port(metrics: Metrics) -> Iterator[int]:
    web = http.serve(("127.0.0.1", 0), Readiness(), metrics)
    yield web.server_address[1]
    web.shutdown()
    web.server_close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(("host", "asked"), [("", ["127.0.0.1", "::1"]), ("[::1]", ["::1"])])
def test_both_families_are_served(host: str, asked: list[str]) -> None:
    web = http.serve((host, 0), Readiness(), Metrics())
    for address in asked:
        with socket.create_connection((address, web.server_address[1]), timeout=5) as client:
            client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert client.makefile("rb").readline().endswith(b" 200 OK\r\n")
    web.shutdown()
    web.server_close()


def test_clients_that_say_nothing_keep_nobody_from_being_answered(port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for dummy in range(http.MOST_CLIENTS + 5)]
    assert get(port, "/healthz")[0] == 200
    # The first ones had to go, long before their time was up.
    for each in silent[:5]:
        each.settimeout(5)
        assert each.recv(1) == b""
    for each in silent:
        each.close()


@pytest.mark.parametrize(
    ("accepted", "given"),
    [("application/openmetrics-text", "application/openmetrics-text"), ("", "text/plain")],
)
def test_metrics_in_the_form_that_is_asked_for(port: int, accepted: str, given: str) -> None:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accepted})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        assert answer.headers.get_content_type() == given
        assert answer.read().endswith(b"# EOF\n") == given.startswith("application")


class Failing:
    """Fails when it is read."""

    def collect(self) -> list[Family]:
        raise RuntimeError("a set changed")


def test_a_fault_of_ours_is_told(port: int, metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    metrics.watch(Failing())
    with caplog.at_level(logging.INFO), pytest.raises(ConnectionError):
        get(port, "/metrics")
    assert "a set changed" in caplog.text
