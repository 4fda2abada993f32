# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud, and a controller that serves it over a real socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.block.attachment_plan import Patience
from ansible_collections.mooring.storage.csi_server.block.attachments import ServerAttachments
from ansible_collections.mooring.storage.csi_server.block.backups import BlockBackups
from ansible_collections.mooring.storage.csi_server.block.capacity import VolumeCapacity
from ansible_collections.mooring.storage.csi_server.block.controller import ControllerServicer
from ansible_collections.mooring.storage.csi_server.block.controller_part import BlockCloud, ControllerOptions
from ansible_collections.mooring.storage.csi_server.block.expansion import VolumeExpansion
from ansible_collections.mooring.storage.csi_server.block.group_controller import GroupControllerServicer
from ansible_collections.mooring.storage.csi_server.block.group_snapshots import BlockGroupSnapshots
from ansible_collections.mooring.storage.csi_server.block.idempotency import BlockVolumes
from ansible_collections.mooring.storage.csi_server.block.modification import VolumeModification
from ansible_collections.mooring.storage.csi_server.block.snapshots import BlockSnapshots
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.csi_server.rpc.interceptor import Calls
from ansible_collections.mooring.storage.csi_server.rpc.locks import Locks
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.observer import CloudObserver
from ansible_collections.mooring.storage.csi_server.rpc.server import listen
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.attachments import Attachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud.backups import Backups
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import NotFound, Unavailable
from ansible_collections.mooring.storage.plugins.module_utils._cloud.group_snapshots import GroupSnapshots
from ansible_collections.mooring.storage.plugins.module_utils._cloud.groups import Groups
from ansible_collections.mooring.storage.plugins.module_utils._cloud.pools import Pools
from ansible_collections.mooring.storage.plugins.module_utils._cloud.quotas import QuotaSets
from ansible_collections.mooring.storage.plugins.module_utils._cloud.servers import Servers
from ansible_collections.mooring.storage.plugins.module_utils._cloud.shared_listing import Pause
from ansible_collections.mooring.storage.plugins.module_utils._cloud.snapshots import Paces as SnapshotPaces
from ansible_collections.mooring.storage.plugins.module_utils._cloud.snapshots import Snapshots
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume_changes import VolumeChanges
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume_types import VolumeTypes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volumes import Paces, Volumes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline, Pace
from ansible_collections.mooring.storage.tests.unit.pace import SteadyPace

from .fake_cloud import FakeCloud

MINE = {names.CLUSTER: "test"}


@dataclass
class OneCloud:
    """The clouds of a driver that reaches one, ``east``.

    :ivar down: the name of another that it does not reach; empty where there is no other.
    :ivar north: one more that it reaches, by that name, if there is one.
    """

    cloud: BlockCloud
    down: str = ""
    north: BlockCloud | None = None

    def of(self, secrets: Mapping[str, str]) -> BlockCloud:
        return {"east": lambda: self.cloud, "north": self._north}.get(
            secrets.get(names.CLOUD, "east"), self._refuse
        )()

    def all(self) -> Mapping[str, Callable[[], BlockCloud]]:
        return {
            **({self.down: self._refuse} if self.down else {}),
            "": lambda: self.cloud,
            **({"north": self._north} if self.north else {}),
        }

    def _north(self) -> BlockCloud:
        assert self.north
        return self.north

    def _refuse(self) -> BlockCloud:
        raise Unavailable(f"the cloud {self.down} cannot be reached")


@dataclass
class Driver:
    """A controller under test: its cloud, its metrics, and a stub to call it with."""

    cloud: FakeCloud
    clouds: OneCloud
    metrics: Metrics
    locks: Locks
    controller: csi_pb2_grpc.ControllerStub
    channel: grpc.Channel


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def block_cloud_of(cloud: FakeCloud, metrics: Metrics) -> BlockCloud:
    """A cloud as a driver has it that has just been started."""
    pace = SteadyPace(Pace(first=0.001, second=0.001, growth=1.0))
    observer = CloudObserver(metrics)
    api = Api(lambda: cloud.cinder, "3.50", observer)
    paces = Paces(pace, pace, pace, pace, Pause(shortest=0.02, longest=0.1), pace)
    cinder = Volumes(api, MINE, paces)
    members = Snapshots(api, MINE, SnapshotPaces(pace, pace))
    snapshots = BlockSnapshots(members, MINE)
    groups = Groups(api, pace), GroupSnapshots(api, pace)
    nova = Servers(Api(lambda: cloud.nova, "2.60", observer))
    patience = Patience(half_made=0.01, detaching=0.01)
    changes = VolumeChanges(api, cinder, pace, pace)
    return BlockCloud(
        BlockVolumes(cinder, MINE),
        ServerAttachments(cinder, Attachments(api), nova, MINE, patience, pace.pace()),
        snapshots,
        BlockBackups(Backups(api, MINE, pace), snapshots, MINE),
        VolumeExpansion(changes),
        VolumeModification(changes),
        VolumeCapacity(cinder, VolumeTypes(api), QuotaSets(api, lambda deadline: "project"), Pools(api)),
        BlockGroupSnapshots(*groups, members, cinder, names.group_mark("test")),
    )


@pytest.fixture
def block_cloud(cloud: FakeCloud, metrics: Metrics) -> BlockCloud:
    return block_cloud_of(cloud, metrics)


class AnnotatedClaims:
    """Claims as the Kubernetes API would tell them: annotations by namespace and name."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], dict[str, str]] = {}
        self.gone: set[tuple[str, str]] = set()

    def annotations(self, namespace: str, name: str, deadline: Deadline) -> Mapping[str, str]:
        if (namespace, name) in self.gone:
            raise NotFound(f"claim {namespace}/{name} does not exist")
        return self.known.get((namespace, name), {})


@pytest.fixture
def claims() -> AnnotatedClaims:
    return AnnotatedClaims()


@pytest.fixture
def driver(
    cloud: FakeCloud, block_cloud: BlockCloud, metrics: Metrics, claims: AnnotatedClaims
) -> Iterator[Driver]:
    # A unix socket's path is short; pytest's folders are not.
    socket = f"/tmp/csi-{os.getpid()}-{id(cloud)}.sock"
    locks = Locks()
    server = listen(socket, 64, [Calls(metrics)])
    options = ControllerOptions(cluster="test", claims=claims)
    clouds = OneCloud(block_cloud)
    servicer = ControllerServicer(clouds, options, locks)
    csi_pb2_grpc.add_ControllerServicer_to_server(servicer, server)
    group_servicer = GroupControllerServicer(clouds, locks)
    csi_pb2_grpc.add_GroupControllerServicer_to_server(group_servicer, server)
    server.start()
    with grpc.insecure_channel(f"unix://{socket}") as channel:
        yield Driver(cloud, clouds, metrics, locks, csi_pb2_grpc.ControllerStub(channel), channel)
    server.stop(0).wait()
    Path(socket).unlink(missing_ok=True)
