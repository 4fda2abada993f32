# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes over the socket, the answer has a status that means something, and the log no traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

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


class Storage:
    """Stands for os-brick: knows no storage, and checks nothing that it is given."""

    def connect(self, connection: Mapping[str, Any]) -> str:
        raise DeviceNotReady(f"nothing at {connection['target_portal']}")

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
    return ConnectedDevices(machine, Storage(), folder, boot_id_file=boot, **places)


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


@pytest.mark.parametrize("attach", ["nova", "cinder"])
@pytest.mark.parametrize("method", methods("Controller", "GroupController"), ids=lambda method: method.name)
def test_controller(
    driver: Driver, method: MethodDescriptor, attach: str, caplog: pytest.LogCaptureFixture
) -> None:
    if attach == "cinder":
        api = Api(lambda: driver.cloud.cinder, "3.50")
        alone = ConnectorAttachments(Volumes(api, MINE), Attachments(api), MINE)
        driver.clouds.cloud = replace(driver.clouds.cloud, attachments=alone)
    driver.cloud.add_volume(id=VOLUME, name="pvc-1", metadata=dict(MINE))
    node_id = driver.cloud.add_server() if attach == "nova" else "host=n&initiator=iqn.2026-01.lab:n"
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
