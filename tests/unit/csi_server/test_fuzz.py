# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes over the socket, the answer has a status that means something, and the log no traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.block.connector_attachments import ConnectorAttachments
from ansible_collections.mooring.storage.csi_server.block.node import NodeInfo, NodeServicer
from ansible_collections.mooring.storage.csi_server.block.node_health import NodeHealth
from ansible_collections.mooring.storage.csi_server.block.node_host import HostBlockNode
from ansible_collections.mooring.storage.csi_server.block.node_limit import VolumeLimit
from ansible_collections.mooring.storage.csi_server.host.connections import ConnectedDevices
from ansible_collections.mooring.storage.csi_server.host.devices import Devices
from ansible_collections.mooring.storage.csi_server.host.encryption import Encryption
from ansible_collections.mooring.storage.csi_server.host.errors import DeviceNotReady
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
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.attachments import Attachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volumes import Volumes

from . import whole
from .conftest import MINE, Driver
from .host.machine import GIB, VOLUME, Machine
from .malformed import Malformed, with_one_fault

REQUESTS = 60
PORTAL = "192.0.2.1:3260"
SEED = 1
#: What a client may conclude something from. UNKNOWN and INTERNAL say that nobody thought of it.
CLEAN = frozenset(grpc.StatusCode) - {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}


def methods(*services: str) -> list[MethodDescriptor]:
    return [m for name in services for m in csi.DESCRIPTOR.services_by_name[name].methods]


def send(channel: grpc.Channel, method: MethodDescriptor, requests: Malformed) -> list[str]:
    """Send requests; return the answers that are not clean."""
    return unclean_of(channel, method, (requests.request(method.input_type) for dummy in range(REQUESTS)))


def unclean_of(channel: grpc.Channel, method: MethodDescriptor, requests: Iterable[bytes]) -> list[str]:
    """Send requests; return the answers that are not clean."""
    call = channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
    unclean = []
    for request in requests:
        try:
            call(request, timeout=2)
        except grpc.RpcError as error:
            if error.code() not in CLEAN:
                unclean.append(f"{error.code().name} {(error.details() or '')[:200]} for {request[:200]!r}")
    return unclean


class Storage:
    """Stands for os-brick: knows one portal, and checks nothing that it is given."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def connect(self, connection: Mapping[str, Any]) -> str:
        if connection["target_portal"] != PORTAL:
            raise DeviceNotReady(f"nothing at {connection['target_portal']}")
        path = self._machine.dev / "sda"
        return str(path if path.exists() else self._machine.plug("sda", device__wwid=b"naa.1"))

    def disconnect(self, connection: Mapping[str, Any], path: str) -> None:
        """Nothing is connected."""

    def extend(self, connection: Mapping[str, Any]) -> None:
        """Nothing is connected."""


def devices_of(machine: Machine, tmp_path: Path, attach: str) -> Devices:
    if attach == "nova":
        return machine.devices()
    (tmp_path / "boot_id").write_text("boot-1\n")
    places: dict[str, Any] = {
        "dev": str(machine.dev),
        "sys": str(machine.sys),
        "number_of": machine.number_of,
    }
    folder, boot = str(tmp_path / "connections"), str(tmp_path / "boot_id")
    return ConnectedDevices(machine, Storage(machine), folder, boot_id_file=boot, **places)


@pytest.fixture(params=["nova", "cinder"])
def node(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[grpc.Channel]:
    machine = Machine(tmp_path)
    devices = devices_of(machine, tmp_path, request.param)
    machine.plug("vdb", VOLUME[:20], link=f"virtio-{VOLUME[:20]}")
    mounts = Mounts(machine, str(machine.mountinfo))
    filesystems = Filesystems(machine)
    encryption = Encryption(machine, devices, filesystems)
    host = HostBlockNode(devices, filesystems, mounts, encryption, device_wait=0.01)
    server = listen(str(tmp_path / "csi.sock"), 4, [Calls(Metrics())])
    health = NodeHealth(devices, mounts, Health(str(machine.sys)))
    info = NodeInfo("server-1", VolumeLimit(Slots(devices, mounts, str(machine.sys)), 15))
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


def node_of(driver: Driver, attach: str) -> str:
    """Have the driver attach in a way. Return the id of a node that it can attach to."""
    if attach == "nova":
        return driver.cloud.add_server()
    api = Api(lambda: driver.cloud.cinder, "3.50")
    alone = ConnectorAttachments(Volumes(api, MINE), Attachments(api), MINE, 256)
    driver.clouds.cloud = replace(driver.clouds.cloud, attachments=alone)
    return "host=n&initiator=iqn.2026-01.lab:n"


@pytest.mark.parametrize("attach", ["nova", "cinder"])
@pytest.mark.parametrize("method", methods("Controller", "GroupController"), ids=lambda method: method.name)
def test_controller(
    driver: Driver, method: MethodDescriptor, attach: str, caplog: pytest.LogCaptureFixture
) -> None:
    driver.cloud.add_volume(id=VOLUME, name="pvc-1", metadata=dict(MINE))
    node_id = node_of(driver, attach)
    known = [VOLUME, node_id, "type", "availability", "csi.storage.k8s.io/pvc/name"]
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
    connections = ['{"driver_volume_type": "iscsi"}', '{"driver_volume_type": 1}', "9" * 5000, "[" * 9000]
    known = [VOLUME, *paths, "serial", "size", "DevicePath", names.CONNECTION, *connections]
    with caplog.at_level(logging.DEBUG):
        unclean = send(node, method, Malformed(SEED, known))
    assert_quiet(caplog)
    assert unclean == []


def named(requests: Iterable[str], service: str) -> list[MethodDescriptor]:
    return [method for method in methods(service) if method.name in requests]


def serialized(message: Message) -> bytes:
    return bytes(message.SerializeToString())


@pytest.mark.parametrize("attach", ["nova", "cinder"])
@pytest.mark.parametrize(
    "method", named(whole.of_controller("", ""), "Controller"), ids=lambda each: each.name
)
def test_controller_of_requests_with_one_fault(
    driver: Driver, method: MethodDescriptor, attach: str, caplog: pytest.LogCaptureFixture
) -> None:
    driver.cloud.add_volume(id=VOLUME, name="pvc-0", metadata=dict(MINE))
    request = whole.of_controller(VOLUME, node_of(driver, attach))[method.name]
    with caplog.at_level(logging.DEBUG):
        unclean = unclean_of(driver.channel, method, map(serialized, with_one_fault(request)))
    assert_quiet(caplog)
    assert unclean == []


@pytest.mark.parametrize("method", named(whole.of_groups(""), "GroupController"), ids=lambda each: each.name)
def test_group_controller_of_requests_with_one_fault(
    driver: Driver, method: MethodDescriptor, caplog: pytest.LogCaptureFixture
) -> None:
    driver.cloud.add_volume(id=VOLUME, name="pvc-0", metadata=dict(MINE))
    request = whole.of_groups(VOLUME)[method.name]
    with caplog.at_level(logging.DEBUG):
        unclean = unclean_of(driver.channel, method, map(serialized, with_one_fault(request)))
    assert_quiet(caplog)
    assert unclean == []


@pytest.mark.parametrize("method", named(whole.of_node("", "", {}), "Node"), ids=lambda each: each.name)
def test_node_of_requests_with_one_fault(
    node: grpc.Channel, method: MethodDescriptor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connection = json.dumps({"driver_volume_type": "iscsi", "target_portal": PORTAL})
    context = {names.SIZE: str(GIB), names.SERIAL: VOLUME, names.CONNECTION: connection}
    requests = whole.of_node(VOLUME, str(tmp_path), context)
    for first in ("NodeStageVolume", "NodePublishVolume"):
        node.unary_unary(f"/csi.v1.Node/{first}", serialized)(requests[first])
    with caplog.at_level(logging.DEBUG):
        unclean = unclean_of(node, method, map(serialized, with_one_fault(requests[method.name])))
    assert_quiet(caplog)
    assert unclean == []
