# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load on the driver, made as Kubernetes' sidecars make it, and what must exist when it ends.

The rules that the sidecars go by:

- A call that fails is made again, with the same arguments.
- A snapshot that has an id keeps it: it is asked for until it is ready, whatever was answered.
- A failed creation whose status leaves open whether something exists (UNFINISHED) is repeated until
  it succeeds, or fails otherwise. Any other status says that nothing exists: the claim may be given
  up then, and nobody will ever ask for the volume's deletion.
- A volume is detached, and asked to be, however its attachment ended.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import grpc

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc

GIB = 1024**3
Code = grpc.StatusCode
Rpc = csi.ControllerServiceCapability.RPC
#: After these the sidecars take it that what they asked for may exist, or come to exist.
UNFINISHED = frozenset({Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE, Code.ABORTED})
#: Seconds of one call, as the sidecars have it by default, and of all calls for one thing.
CALL_SECONDS, PATIENCE = 15.0, 300.0
#: Seconds between two questions whether a snapshot is ready, and a backup, which takes much longer.
SNAPSHOT_PAUSE, BACKUP_PAUSE = 0.2, 2.0
#: A backup keeps a core of the lab busy for a quarter of a minute: one for each hundred of the other lives.
SELDOM = 0.1
#: A key of volumes' metadata that is not the driver's own.
TIER = "tier"
CAPABILITY = csi.VolumeCapability(
    mount=csi.VolumeCapability.MountVolume(),
    access_mode=csi.VolumeCapability.AccessMode(mode=csi.VolumeCapability.AccessMode.SINGLE_NODE_WRITER),
)


class GivenUp(Exception):
    """A creation failed with a status that says that nothing exists."""


#: Gets a name for its volume, and what decides its turns.
Life = Callable[[str, random.Random], None]


@dataclass(frozen=True)
class Shape:
    """What of a volume the load sees to: its size in GiB, its type, and one entry of its metadata."""

    size: int
    type: str
    tier: str = ""


@dataclass
class Expected:
    """What the driver said there is."""

    volumes: dict[str, Shape] = field(default_factory=dict)
    """By id."""
    snapshots: dict[str, str] = field(default_factory=dict)
    """Volumes' ids by the snapshots' ids."""
    backups: dict[str, str] = field(default_factory=dict)
    """Volumes' ids by the backups' ids."""
    together: set[str] = field(default_factory=set)
    """Ids of group snapshots, whose members are among the snapshots."""
    attached: set[tuple[str, str]] = field(default_factory=set)
    """Volume and node."""


class Load:
    """Workers that each live through one volume's life after the other.

    :param name: what the names of all that is made begin with.
    :param nodes: ids of nodes to attach to.
    :param volume_type: of the volumes.
    :param enough: says when to begin no new life.
    """

    #: Which volumes of the first type can be given, and of groups.
    OTHER_TYPE, GROUP_TYPE = "fast-qos", "together"

    def __init__(
        self,
        channel: grpc.Channel,
        name: str,
        nodes: list[str],
        volume_type: str,
        seed: int,
        enough: Callable[[], bool],
    ) -> None:
        self._controller = csi_pb2_grpc.ControllerStub(channel)
        self._groups = csi_pb2_grpc.GroupControllerStub(channel)
        self._name = name
        self._nodes = nodes
        self._type = volume_type
        self._seed = seed
        self._enough = enough
        self._lock = threading.Lock()
        self._failed = threading.Event()
        self.expected = Expected()
        self.codes: Counter[tuple[str, str]] = Counter()
        self.given_up: list[str] = []
        self.lives: Counter[str] = Counter()

    def run(self, workers: int) -> None:
        """Return when it is enough and every worker has come to the end of a life.

        :raises AssertionError: something did not succeed, however often it was asked for.
        """
        with ThreadPoolExecutor(workers) as pool:
            for working in [pool.submit(self._work, number) for number in range(workers)]:
                working.result()

    def _work(self, number: int) -> None:
        chance = random.Random(f"{self._seed} worker {number}")
        lives = self._possible()
        weights = [SELDOM if life == self._backed_up else 1.0 for life in lives]
        for turn in range(10**6):
            if self._enough() or self._failed.is_set():
                return
            # Each begins with another one, so that none is missing however the workers take turns.
            [life] = chance.choices(lives, weights) if turn else [lives[number % len(lives)]]
            name = f"{self._name}-{self._seed}-{number}-{turn}"
            try:
                life(name, chance)
            except GivenUp as failure:
                self.given_up.append(f"{name}: {failure}")
            except AssertionError:
                self._failed.set()
                raise
            with self._lock:
                self.lives[life.__name__.strip("_")] += 1

    def _possible(self) -> list[Life]:
        """The lives that the driver has the capabilities for."""
        answer = self._controller.ControllerGetCapabilities(
            csi.ControllerGetCapabilitiesRequest(), timeout=CALL_SECONDS
        )
        has = {capability.rpc.type for capability in answer.capabilities}
        lives: list[Life] = [*self._attaching(), self._plain, self._asked_twice, self._together]
        if Rpc.EXPAND_VOLUME in has:
            lives.append(self._grown)
        if Rpc.CREATE_DELETE_SNAPSHOT in has:
            lives += [self._copied, self._backed_up]
        if Rpc.CLONE_VOLUME in has:
            lives.append(self._cloned)
        if Rpc.MODIFY_VOLUME in has:
            lives += [self._marked, self._retyped]
        return lives

    def _attaching(self) -> list[Life]:
        return [self._attached, self._hardly_attached, self._moved]

    # Lives. About a quarter of the volumes stay.

    def _plain(self, name: str, chance: random.Random) -> None:
        self._maybe_delete(self._create(name), chance)

    def _attached(self, name: str, chance: random.Random) -> None:
        volume, node = self._create(name), chance.choice(self._nodes)
        self._attach(volume, node)
        if chance.random() < 0.1:
            return
        self._detach(volume, node)
        self._maybe_delete(volume, chance)

    def _moved(self, name: str, chance: random.Random) -> None:
        """From one node to another, which asks for it before the first one has given it back."""
        volume, (first, second) = self._create(name), chance.sample(self._nodes, 2)
        self._attach(volume, first)
        with ThreadPoolExecutor(2) as both:
            coming = both.submit(self._attach, volume, second)
            both.submit(self._detach, volume, first).result()
            coming.result()
        self._detach(volume, second)
        self._maybe_delete(volume, chance)

    def _hardly_attached(self, name: str, chance: random.Random) -> None:
        """The pod goes before its volume is attached."""
        volume, node = self._create(name), chance.choice(self._nodes)
        try:
            seconds = chance.choice([0.2, 1.0, CALL_SECONDS])
            self._call("ControllerPublishVolume", self._publication(volume, node), seconds)
        except grpc.RpcError:
            pass
        self._detach(volume, node)
        self._maybe_delete(volume, chance)

    def _asked_twice(self, name: str, chance: random.Random) -> None:
        """Two sidecars, of which one does not know yet that it is not the leader any more."""
        with ThreadPoolExecutor(2) as both:
            one, other = [both.submit(self._create, name) for _time in range(2)]
            assert one.result() == other.result(), name
        self._maybe_delete(one.result(), chance)

    def _grown(self, name: str, chance: random.Random) -> None:
        volume = self._create(name)
        request = csi.ControllerExpandVolumeRequest(
            volume_id=volume, capacity_range=csi.CapacityRange(required_bytes=2 * GIB)
        )
        self._until_done("ControllerExpandVolume", request)
        self._now_is(volume, size=2)
        self._maybe_delete(volume, chance)

    def _copied(self, name: str, chance: random.Random) -> None:
        """A snapshot, and a volume made of it."""
        volume = self._create(name)
        snapshot = self._snapshot(f"{name}-snapshot", volume)
        # Of a snapshot that failed before it was ready, another one takes the place.
        self.expected.snapshots[snapshot] = volume
        source = csi.VolumeContentSource(
            snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=snapshot)
        )
        copy = self._create(f"{name}-copy", source)
        if chance.random() < 0.2:
            return
        self._delete(copy)
        self._until_done("DeleteSnapshot", csi.DeleteSnapshotRequest(snapshot_id=snapshot))
        del self.expected.snapshots[snapshot]
        self._maybe_delete(volume, chance)

    def _cloned(self, name: str, chance: random.Random) -> None:
        """A volume made of another one, which may go first."""
        volume = self._create(name)
        source = csi.VolumeContentSource(volume=csi.VolumeContentSource.VolumeSource(volume_id=volume))
        clone = self._create(f"{name}-clone", source)
        for each in chance.sample([volume, clone], 2):
            self._maybe_delete(each, chance)

    def _backed_up(self, name: str, chance: random.Random) -> None:
        """A backup, which is asked about until it is ready, may outlive its volume, and is restored."""
        volume = self._create(name)
        backup = self._snapshot(f"{name}-backup", volume, BACKUP_PAUSE, type="backup")
        self.expected.backups[backup] = volume
        self._maybe_delete(volume, chance)
        source = csi.VolumeContentSource(snapshot=csi.VolumeContentSource.SnapshotSource(snapshot_id=backup))
        self._maybe_delete(self._create(f"{name}-restored", source), chance)
        if chance.random() < 0.5:
            self._until_done("DeleteSnapshot", csi.DeleteSnapshotRequest(snapshot_id=backup))
            del self.expected.backups[backup]

    def _together(self, name: str, chance: random.Random) -> None:
        """A snapshot of two volumes at one moment."""
        volumes = [self._create(f"{name}-{part}") for part in ("data", "log")]
        taken = self._until_made(
            "CreateVolumeGroupSnapshot",
            csi.CreateVolumeGroupSnapshotRequest(
                name=f"{name}-together",
                source_volume_ids=volumes,
                parameters={"group-type": self.GROUP_TYPE, "consistent": "true"},
            ),
        ).group_snapshot
        self.expected.together.add(taken.group_snapshot_id)
        members = {member.snapshot_id: member.source_volume_id for member in taken.snapshots}
        assert sorted(members.values()) == sorted(volumes), name
        self.expected.snapshots |= members
        if chance.random() < 0.2:
            return
        self._delete_together(taken.group_snapshot_id, list(members))
        for volume in volumes:
            self._maybe_delete(volume, chance)

    def _marked(self, name: str, chance: random.Random) -> None:
        volume, tier = self._create(name), chance.choice(["gold", "silver"])
        self._modify(volume, {f"metadata.{TIER}": tier})
        self._now_is(volume, tier=tier)
        self._maybe_delete(volume, chance)

    def _retyped(self, name: str, chance: random.Random) -> None:
        volume = self._create(name)
        self._modify(volume, {"type": self.OTHER_TYPE})
        self._now_is(volume, type=self.OTHER_TYPE)
        self._maybe_delete(volume, chance)

    # Calls

    def _create(self, name: str, source: csi.VolumeContentSource | None = None) -> str:
        request = csi.CreateVolumeRequest(
            name=name,
            capacity_range=csi.CapacityRange(required_bytes=GIB),
            volume_capabilities=[CAPABILITY],
            parameters={"type": self._type},
            volume_content_source=source,
        )
        made = self._until_made("CreateVolume", request).volume
        self.expected.volumes[made.volume_id] = Shape(made.capacity_bytes // GIB, self._type)
        return str(made.volume_id)

    def _snapshot(self, name: str, volume: str, pause: float = SNAPSHOT_PAUSE, **parameters: str) -> str:
        request = csi.CreateSnapshotRequest(name=name, source_volume_id=volume, parameters=parameters)
        end = time.monotonic() + PATIENCE
        made = self._until_made("CreateSnapshot", request).snapshot
        told = str(made.snapshot_id)
        while not made.ready_to_use:
            assert time.monotonic() < end, f"{name} never became ready"
            time.sleep(pause)
            made = self._until_done("CreateSnapshot", request).snapshot
            assert made.snapshot_id == told, f"{name} is another one now"
        return told

    def _modify(self, volume: str, parameters: dict[str, str]) -> None:
        request = csi.ControllerModifyVolumeRequest(volume_id=volume, mutable_parameters=parameters)
        self._until_done("ControllerModifyVolume", request)

    def _now_is(self, volume: str, **changed: Any) -> None:
        self.expected.volumes[volume] = replace(self.expected.volumes[volume], **changed)

    @staticmethod
    def _publication(volume: str, node: str) -> csi.ControllerPublishVolumeRequest:
        return csi.ControllerPublishVolumeRequest(
            volume_id=volume, node_id=node, volume_capability=CAPABILITY
        )

    def _attach(self, volume: str, node: str) -> None:
        self._until_done("ControllerPublishVolume", self._publication(volume, node))
        self.expected.attached.add((volume, node))

    def _detach(self, volume: str, node: str) -> None:
        request = csi.ControllerUnpublishVolumeRequest(volume_id=volume, node_id=node)
        self._until_done("ControllerUnpublishVolume", request)
        self.expected.attached.discard((volume, node))

    def _maybe_delete(self, volume: str, chance: random.Random) -> None:
        if chance.random() < 0.75:
            self._delete(volume)

    def _delete(self, volume: str) -> None:
        self._until_done("DeleteVolume", csi.DeleteVolumeRequest(volume_id=volume))
        del self.expected.volumes[volume]

    def _delete_together(self, taken: str, members: list[str]) -> None:
        request = csi.DeleteVolumeGroupSnapshotRequest(group_snapshot_id=taken, snapshot_ids=members)
        self._until_done("DeleteVolumeGroupSnapshot", request)
        self.expected.together.remove(taken)
        for member in members:
            del self.expected.snapshots[member]

    def clean_up(self) -> None:
        """Have everything deleted that the driver said there is."""
        for volume, node in sorted(self.expected.attached):
            self._detach(volume, node)
        for taken in sorted(self.expected.together):
            request = csi.GetVolumeGroupSnapshotRequest(group_snapshot_id=taken)
            known = self._until_made("GetVolumeGroupSnapshot", request).group_snapshot
            self._delete_together(taken, [member.snapshot_id for member in known.snapshots])
        for copies in (self.expected.snapshots, self.expected.backups):
            for each in sorted(copies):
                self._until_done("DeleteSnapshot", csi.DeleteSnapshotRequest(snapshot_id=each))
            copies.clear()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._delete, sorted(self.expected.volumes)))

    def _call(self, method: str, request: Any, seconds: float) -> Any:
        try:
            service = self._groups if hasattr(self._groups, method) else self._controller
            answer = getattr(service, method)(request, timeout=seconds)
        except grpc.RpcError as failure:
            with self._lock:
                self.codes[method, failure.code().name] += 1
            raise
        with self._lock:
            self.codes[method, "OK"] += 1
        return answer

    def _until_made(self, method: str, request: Any) -> Any:
        """Call until it succeeds, or says that nothing exists."""
        return self._repeat(method, request, UNFINISHED)

    def _until_done(self, method: str, request: Any) -> Any:
        """Call until it succeeds."""
        return self._repeat(method, request, frozenset(Code))

    def _repeat(self, method: str, request: Any, repeated: frozenset[grpc.StatusCode]) -> Any:
        end, pause = time.monotonic() + PATIENCE, 0.1
        while True:
            try:
                return self._call(method, request, CALL_SECONDS)
            except grpc.RpcError as failure:
                if failure.code() not in repeated:
                    raise GivenUp(f"{method}: {failure.code().name}: {failure.details()}") from failure
                if time.monotonic() > end:
                    words = f"{method} never succeeded: {failure.details()}\n{request}"
                    raise AssertionError(words) from failure
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)


class AttachingLoad(Load):
    """One of volumes that come to nodes and go, where the rest is the same as elsewhere."""

    def _possible(self) -> list[Life]:
        return self._attaching()
