# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fifty volumes at once through the driver's RPCs: its calls, and its time beside Cinder's own."""

from __future__ import annotations

import statistics
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import openstack
import own_controller
from cluster import Cluster
from lab import cloud, now, until

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc

VOLUMES = 50
ROUNDS = 2
#: So many of a node's disks are attached at the same time, fewer than it can have.
ATTACHED = 12
#: Requests that the plain API's user sends at the same time, as the driver does.
PLAIN_CONCURRENCY = 10
GIB = 1024**3
ACCESS = csi.VolumeCapability(
    mount=csi.VolumeCapability.MountVolume(),
    access_mode=csi.VolumeCapability.AccessMode(mode=csi.VolumeCapability.AccessMode.SINGLE_NODE_WRITER),
)


def measure(cluster: Cluster, volume_type: str) -> tuple[dict[str, float], Counter[str]]:
    """Return the figures, and the calls of all lives of a burst by kind."""
    connection = cloud()
    nodes = cluster.node_ids()
    ours, plain, calls = [], [], Counter[str]()
    with own_controller.controller(connection, "bench") as controller:
        for number in range(ROUNDS):
            print(f"burst: round {number + 1} of {ROUNDS}", file=sys.stderr)
            # Now the one is first, now the other.
            if number % 2 == 0:
                plain.append(_plain(connection, volume_type))
            driver = Driver(controller, volume_type, nodes)
            before = own_controller.calls()
            try:
                ours.append(driver.create())
                # Once is enough: what takes the time here is Nova.
                if number == ROUNDS - 1:
                    driver.attach_and_detach()
            finally:
                driver.delete()
            calls = own_controller.calls() - before
            if number % 2:
                plain.append(_plain(connection, volume_type))
    return {
        "calls_burst": round(calls.total() / VOLUMES, 2),
        "burst_s": round(statistics.median(ours), 2),
        "burst_plain_s": round(statistics.median(plain), 2),
        "burst_overhead": round(statistics.median(ours) / statistics.median(plain), 2),
    }, calls


class Driver:
    """A controller, and the volumes that it makes."""

    def __init__(
        self, controller: csi_pb2_grpc.ControllerStub, volume_type: str, nodes: Sequence[str]
    ) -> None:
        self._controller = controller
        self._type = volume_type
        self._nodes = nodes
        self._slots = {node: threading.Semaphore(ATTACHED) for node in nodes}
        self._volumes: list[str] = []

    def create(self) -> float:
        """Seconds until all volumes were there."""

        def one(name: str) -> str:
            request = csi.CreateVolumeRequest(
                name=name,
                capacity_range=csi.CapacityRange(required_bytes=GIB),
                volume_capabilities=[ACCESS],
                parameters={"type": self._type},
            )
            return str(self._controller.CreateVolume(request, timeout=300).volume.volume_id)

        start = now()
        self._volumes = at_once(one, [f"bench-{uuid.uuid4()}" for dummy in range(VOLUMES)])
        return now() - start

    def attach_and_detach(self) -> None:
        def one(volume: str) -> None:
            node = self._nodes[self._volumes.index(volume) % len(self._nodes)]
            with self._slots[node]:
                attach = csi.ControllerPublishVolumeRequest(
                    volume_id=volume, node_id=node, volume_capability=ACCESS
                )
                self._controller.ControllerPublishVolume(attach, timeout=300)
                detach = csi.ControllerUnpublishVolumeRequest(volume_id=volume, node_id=node)
                self._controller.ControllerUnpublishVolume(detach, timeout=300)

        at_once(one, self._volumes)

    def delete(self) -> None:
        def one(volume: str) -> None:
            self._controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume), timeout=300)

        at_once(one, self._volumes)


def at_once(act: Callable[[str], str | None], them: Sequence[str], threads: int = VOLUMES) -> list[str]:
    with ThreadPoolExecutor(threads) as pool:
        return [each or "" for each in pool.map(act, them)]


def _plain(connection: openstack.connection.Connection, volume_type: str) -> float:
    """Cinder's own time: create requests, and a listing now and then until all are there."""
    cinder = connection.block_storage
    mark = f"plain-{uuid.uuid4()}"

    def create(number: str) -> str:
        return str(cinder.create_volume(name=f"{mark}-{number}", size=1, volume_type=volume_type).id)

    start = now()
    ids = set(at_once(create, [str(number) for number in range(VOLUMES)], PLAIN_CONCURRENCY))

    def ready() -> bool:
        return {v.id for v in cinder.volumes(status="available") if v.id in ids} == ids

    until(ready, "Cinder's volumes", 0.2)
    took = now() - start
    at_once(cinder.delete_volume, sorted(ids), PLAIN_CONCURRENCY)
    until(lambda: not [v for v in cinder.volumes() if v.id in ids], "Cinder's volumes to be gone", 0.5)
    return took
