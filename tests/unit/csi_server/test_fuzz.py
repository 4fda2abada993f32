# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes over the socket, the answer has a status that means something, and the log no traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from ansible_collections.mooring.storage.csi_server.block.node import NodeInfo, NodeServicer
from ansible_collections.mooring.storage.csi_server.block.node_health import NodeHealth
from ansible_collections.mooring.storage.csi_server.block.node_host import HostBlockNode
from ansible_collections.mooring.storage.csi_server.block.node_limit import VolumeLimit
from ansible_collections.mooring.storage.csi_server.host.encryption import Encryption
from ansible_collections.mooring.storage.csi_server.host.filesystems import Filesystems
from ansible_collections.mooring.storage.csi_server.host.health import Health
from ansible_collections.mooring.storage.csi_server.host.mounts import Mounts
from ansible_collections.mooring.storage.csi_server.host.slots import Slots
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.csi_server.rpc.identity import IdentityOptions, IdentityServicer
from ansible_collections.mooring.storage.csi_server.rpc.interceptor import Calls
from ansible_collections.mooring.storage.csi_server.rpc.locks import Locks
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.readiness import Readiness
from ansible_collections.mooring.storage.csi_server.rpc.server import listen

from .conftest import MINE, Driver
from .host.machine import VOLUME, Machine
from .malformed import Malformed

REQUESTS = 60
SEED = 1
#: What a client may conclude something from. UNKNOWN and INTERNAL say that nobody thought of it.
CLEAN = frozenset(grpc.StatusCode) - {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}


def methods(*services: str) -> list[MethodDescriptor]:
    return [m for name in services for m in csi.DESCRIPTOR.services_by_name[name].methods]


def send(channel: grpc.Channel, method: MethodDescriptor, requests: Malformed) -> list[str]:
    """Send requests; return the answers that are not clean."""
    call = channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
    unclean = []
    for dummy in range(REQUESTS):
        request = requests.request(method.input_type)
        try:
            call(request, timeout=2)
        except grpc.RpcError as error:
            if error.code() not in CLEAN:
                unclean.append(f"{error.code().name} {(error.details() or '')[:200]} for {request[:200]!r}")
    return unclean


@pytest.fixture
def node(tmp_path: Path) -> Iterator[grpc.Channel]:
    machine = Machine(tmp_path)
    machine.plug("vdb", VOLUME[:20], link=f"virtio-{VOLUME[:20]}")
    mounts = Mounts(machine, str(machine.mountinfo))
    filesystems = Filesystems(machine)
    encryption = Encryption(machine, machine.devices(), filesystems)
    host = HostBlockNode(machine.devices(), filesystems, mounts, encryption, device_wait=0.01)
    server = listen(str(tmp_path / "csi.sock"), 4, [Calls(Metrics())])
    health = NodeHealth(machine.devices(), mounts, Health(str(machine.sys)))
    info = NodeInfo("server-1", VolumeLimit(Slots(machine.devices(), mounts, str(machine.sys)), 15))
    csi_pb2_grpc.add_NodeServicer_to_server(NodeServicer(host, health, info, Locks()), server)
    identity = IdentityServicer(IdentityOptions("csi.example", "1", True), Readiness())
    csi_pb2_grpc.add_IdentityServicer_to_server(identity, server)
    server.start()
    with grpc.insecure_channel(f"unix://{tmp_path}/csi.sock") as channel:
        yield channel
    server.stop(None).wait()


def assert_quiet(caplog: pytest.LogCaptureFixture) -> None:
    loud = [r for r in caplog.records if r.exc_info or hasattr(r, "traceback")]
    assert [getattr(r, "traceback", r.exc_text or str(r.exc_info))[-2000:] for r in loud] == []


@pytest.mark.parametrize("method", methods("Controller", "GroupController"), ids=lambda method: method.name)
def test_controller(driver: Driver, method: MethodDescriptor, caplog: pytest.LogCaptureFixture) -> None:
    driver.cloud.add_volume(id=VOLUME, name="pvc-1", metadata=dict(MINE))
    known = [VOLUME, driver.cloud.add_server(), "type", "availability", "csi.storage.k8s.io/pvc/name"]
    with caplog.at_level(logging.DEBUG):
        unclean = send(driver.channel, method, Malformed(SEED, known))
    assert_quiet(caplog)
    assert unclean == []


@pytest.mark.parametrize("method", methods("Node", "Identity"), ids=lambda method: method.name)
def test_node(
    node: grpc.Channel, method: MethodDescriptor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # What is absolute lies in the test's folder, as some of it will be made and removed.
    paths = [f"{tmp_path}/{each}" for each in ("stage", "pods/mount", "n" * 300, "csi.sock/below", "\0")]
    known = [VOLUME, *paths, "serial", "size", "DevicePath"]
    with caplog.at_level(logging.DEBUG):
        unclean = send(node, method, Malformed(SEED, known))
    assert_quiet(caplog)
    assert unclean == []
