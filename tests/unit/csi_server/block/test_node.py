# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Node service over a unix socket, down to the programs and the kernel's files, which are stand-ins."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block.node import NodeInfo, NodeServicer
from ansible_collections.mooring.storage.csi_server.block.node_health import NodeHealth
from ansible_collections.mooring.storage.csi_server.block.node_host import HostBlockNode
from ansible_collections.mooring.storage.csi_server.block.node_limit import VolumeLimit
from ansible_collections.mooring.storage.csi_server.host.commands import Finished
from ansible_collections.mooring.storage.csi_server.host.encryption import Encryption
from ansible_collections.mooring.storage.csi_server.host.filesystems import Filesystems
from ansible_collections.mooring.storage.csi_server.host.health import Health
from ansible_collections.mooring.storage.csi_server.host.mounts import Mounts
from ansible_collections.mooring.storage.csi_server.host.slots import Slots
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.csi_server.rpc.interceptor import Calls
from ansible_collections.mooring.storage.csi_server.rpc.locks import Locks
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.server import listen
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import GIB, OTHER, VOLUME, Machine

Mode = csi.VolumeCapability.AccessMode
Code = grpc.StatusCode
SHORT = VOLUME[:20]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.plug("vdb", SHORT, link=f"virtio-{SHORT}")
    return machine


@pytest.fixture
def locks() -> Locks:
    return Locks()


@pytest.fixture
def node(machine: Machine, locks: Locks, tmp_path: Path) -> Iterator[csi_pb2_grpc.NodeStub]:
    devices, filesystems = machine.devices(), Filesystems(machine)
    encryption = Encryption(machine, devices, filesystems)
    host = HostBlockNode(
        devices, filesystems, Mounts(machine, str(machine.mountinfo)), encryption, device_wait=0.2
    )
    mounts = Mounts(machine, str(machine.mountinfo))
    limit = VolumeLimit(Slots(machine.devices(), mounts, str(machine.sys)), volumes=15, disks=16)
    info = NodeInfo("server-1", limit, {"topology.cinder.csi.openstack.org/zone": "az1"})
    health = NodeHealth(machine.devices(), mounts, Health(str(machine.sys)), lambda path: machine.measured)
    server = listen(str(tmp_path / "csi.sock"), 4, [Calls(Metrics())])
    csi_pb2_grpc.add_NodeServicer_to_server(NodeServicer(host, health, info, locks), server)
    server.start()
    with grpc.insecure_channel(f"unix://{tmp_path}/csi.sock") as channel:
        yield csi_pb2_grpc.NodeStub(channel)
    server.stop(None).wait()


def mounted(
    fs_type: str = "", *flags: str, mode: Mode.Mode.ValueType = Mode.SINGLE_NODE_MULTI_WRITER
) -> csi.VolumeCapability:
    return csi.VolumeCapability(
        mount=csi.VolumeCapability.MountVolume(fs_type=fs_type, mount_flags=flags),
        access_mode=csi.VolumeCapability.AccessMode(mode=mode),
    )


def raw(mode: Mode.Mode.ValueType = Mode.SINGLE_NODE_MULTI_WRITER) -> csi.VolumeCapability:
    return csi.VolumeCapability(
        block=csi.VolumeCapability.BlockVolume(), access_mode=csi.VolumeCapability.AccessMode(mode=mode)
    )


class Kubelet:
    """Calls as the kubelet makes them, for one volume; ``changes`` are fields of the request."""

    def __init__(self, node: csi_pb2_grpc.NodeStub, folder: Path) -> None:
        self.node = node
        self.staging = str(folder / "globalmount")
        self.target = str(folder / "pods/1/mount")

    def stage(self, capability: csi.VolumeCapability, **changes: Any) -> None:
        usual = {
            "volume_id": VOLUME,
            "staging_target_path": self.staging,
            "volume_capability": capability,
            "publish_context": {"DevicePath": "/dev/vdq", "size": str(GIB), "serial": VOLUME},
        }
        self.node.NodeStageVolume(csi.NodeStageVolumeRequest(**{**usual, **changes}))

    def publish(self, capability: csi.VolumeCapability, **changes: Any) -> None:
        usual = {
            "volume_id": VOLUME,
            "staging_target_path": self.staging,
            "target_path": self.target,
            "volume_capability": capability,
        }
        self.node.NodePublishVolume(csi.NodePublishVolumeRequest(**{**usual, **changes}))

    def expand(self, path: str, size: int, volume_id: str = VOLUME) -> int:
        request = csi.NodeExpandVolumeRequest(
            volume_id=volume_id, volume_path=path, capacity_range=csi.CapacityRange(required_bytes=size)
        )
        return self.node.NodeExpandVolume(request, timeout=10).capacity_bytes

    def unpublish(self) -> None:
        self.node.NodeUnpublishVolume(
            csi.NodeUnpublishVolumeRequest(volume_id=VOLUME, target_path=self.target)
        )

    def unstage(self) -> None:
        self.node.NodeUnstageVolume(
            csi.NodeUnstageVolumeRequest(volume_id=VOLUME, staging_target_path=self.staging)
        )

    def statistics(self, path: str, volume_id: str = VOLUME) -> csi.NodeGetVolumeStatsResponse:
        request = csi.NodeGetVolumeStatsRequest(volume_id=volume_id, volume_path=path)
        return self.node.NodeGetVolumeStats(request)


@pytest.fixture
def kubelet(node: csi_pb2_grpc.NodeStub, machine: Machine) -> Kubelet:
    return Kubelet(node, machine.kubelet)


@contextmanager
def refused(code: grpc.StatusCode, *words: str) -> Iterator[None]:
    with pytest.raises(grpc.RpcError) as failure:
        yield
    assert failure.value.code() is code
    for word in words:
        assert word in failure.value.details()


def layers(machine: Machine, path: str) -> int:
    return sum(
        line.split()[4] == os.path.realpath(path) for line in machine.mountinfo.read_text().splitlines()
    )


# ---- what the node says of itself ----


def test_capabilities(node: csi_pb2_grpc.NodeStub) -> None:
    response = node.NodeGetCapabilities(csi.NodeGetCapabilitiesRequest())
    rpc = csi.NodeServiceCapability.RPC
    assert {each.rpc.type for each in response.capabilities} == {
        rpc.STAGE_UNSTAGE_VOLUME,
        rpc.GET_VOLUME_STATS,
        rpc.EXPAND_VOLUME,
        rpc.SINGLE_NODE_MULTI_WRITER,
        rpc.VOLUME_CONDITION,
        rpc.GET_VOLUME_HEALTH,
        rpc.GET_STORAGE_HEALTH,
    }


def test_info(node: csi_pb2_grpc.NodeStub) -> None:
    response = node.NodeGetInfo(csi.NodeGetInfoRequest())
    assert (response.node_id, response.max_volumes_per_node) == ("server-1", 15)
    assert dict(response.accessible_topology.segments) == {"topology.cinder.csi.openstack.org/zone": "az1"}


def test_without_a_zone_there_is_no_topology(machine: Machine) -> None:
    devices, mounts = machine.devices(), Mounts(machine, str(machine.mountinfo))
    filesystems = Filesystems(machine)
    host = HostBlockNode(devices, filesystems, mounts, Encryption(machine, devices, filesystems))
    health = NodeHealth(devices, mounts, Health(str(machine.sys)))
    info = NodeInfo("server-1", VolumeLimit(Slots(devices, mounts, str(machine.sys)), 15))
    servicer = NodeServicer(host, health, info, Locks())
    response = servicer.NodeGetInfo(csi.NodeGetInfoRequest(), cast("grpc.ServicerContext", None))
    assert not response.HasField("accessible_topology")


# ---- a filesystem ----


@pytest.mark.parametrize("fs_type", ["ext4", "xfs", ""])
def test_one_life_with_every_call_repeated(kubelet: Kubelet, machine: Machine, fs_type: str) -> None:
    capability = mounted(fs_type, "noatime")
    for _time in range(3):
        kubelet.stage(capability)
    for _time in range(3):
        kubelet.publish(capability)
    assert (layers(machine, kubelet.staging), layers(machine, kubelet.target)) == (1, 1)
    usage = {each.unit: each for each in kubelet.statistics(kubelet.target).usage}
    assert usage[csi.VolumeUsage.BYTES].total > 0
    assert usage[csi.VolumeUsage.INODES].total > 0
    for _time in range(3):
        kubelet.unpublish()
    assert not os.path.lexists(kubelet.target)
    for _time in range(3):
        kubelet.unstage()
    assert (layers(machine, kubelet.staging), layers(machine, kubelet.target)) == (0, 0)
    assert [name for name in machine.programs() if name.startswith("mkfs")] == [f"mkfs.{fs_type or 'ext4'}"]


def test_the_second_stage_finds_the_filesystem_of_the_first(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted("xfs"))
    kubelet.unstage()
    machine.calls.clear()
    kubelet.stage(mounted())
    assert machine.programs() == ["blkid", "mount"]
    assert machine.calls[-1][:5] == ["mount", "-t", "xfs", "-o", "nouuid"]


def test_a_mount_that_may_still_be_made_is_not_told_as_failed(kubelet: Kubelet, machine: Machine) -> None:
    machine.endless.add("mount")
    with refused(Code.DEADLINE_EXCEEDED, "did not end within"):
        kubelet.stage(mounted())


def test_another_filesystem_than_the_one_there(kubelet: Kubelet, machine: Machine) -> None:
    machine.probes[str(machine.dev / "vdb")] = "TYPE=xfs\n"
    with refused(Code.FAILED_PRECONDITION, "carries xfs, not ext4"):
        kubelet.stage(mounted("ext4"))
    assert machine.programs() == ["blkid"]


@pytest.mark.parametrize(
    "other",
    [mounted("xfs"), mounted("ext4"), mounted("ext4", "noatime", "ro")],
    ids=["type", "options", "read only"],
)
def test_staged_in_another_way(kubelet: Kubelet, other: csi.VolumeCapability) -> None:
    kubelet.stage(mounted("ext4", "noatime"))
    with refused(Code.ALREADY_EXISTS, kubelet.staging):
        kubelet.stage(other)


@pytest.mark.parametrize("flags", [["noexec,nosuid,noatime"], ['context="system_u:c1,c2"', "noexec,nosuid"]])
def test_one_entry_of_the_mount_options_may_hold_several(
    kubelet: Kubelet, machine: Machine, flags: list[str]
) -> None:
    for _time in range(2):
        kubelet.stage(mounted("ext4", *flags))
        kubelet.publish(mounted("ext4", *flags), readonly=True)
    [staged] = [call for call in machine.calls if call[:2] == ["mount", "-t"]]
    assert staged[4] == ",".join(flags)


def test_mount_options_without_one(kubelet: Kubelet, machine: Machine) -> None:
    for flag in ("", ",", "noatime\0"):
        with refused(Code.INVALID_ARGUMENT, "is not a mount option"):
            kubelet.stage(mounted("ext4", flag))
    assert machine.calls == []


def test_the_staging_path_carries_another_volume(kubelet: Kubelet, machine: Machine) -> None:
    machine.plug("vdc", OTHER[:20], link=f"virtio-{OTHER[:20]}")
    kubelet.stage(mounted(), volume_id=OTHER, publish_context={})
    for call in (kubelet.stage, kubelet.publish):
        with refused(Code.ALREADY_EXISTS, f"not volume {VOLUME}"):
            call(mounted())
    with refused(Code.NOT_FOUND):
        kubelet.statistics(kubelet.staging)


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_volume_that_comes_back_as_another_disk_is_staged_again(
    kubelet: Kubelet, machine: Machine, fs_type: str
) -> None:
    kubelet.stage(mounted(fs_type))
    machine.move("vdb", "vdc", SHORT, link=f"virtio-{SHORT}")
    machine.calls.clear()
    kubelet.stage(mounted(fs_type))
    assert machine.programs()[0] == "umount"
    assert layers(machine, kubelet.staging) == 1
    [made] = [call for call in machine.calls if call[0] == "mount"]
    assert made[-2:] == [str(machine.dev / "vdc"), kubelet.staging]


def test_what_is_of_no_disk_at_the_staging_path_stays(kubelet: Kubelet, machine: Machine) -> None:
    with machine.mountinfo.open("a") as file:
        file.write(f"31 22 0:77 / {os.path.realpath(kubelet.staging)} rw - tmpfs tmpfs rw\n")
    with refused(Code.ALREADY_EXISTS, f"not volume {VOLUME}"):
        kubelet.stage(mounted())
    assert machine.calls == []


def test_a_stage_that_fails_for_good_leaves_nothing_mounted(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    kubelet.unstage()
    machine.grow("vdb", 2 * GIB)
    machine.failures["resize2fs"] = "no memory"
    with refused(Code.INTERNAL, "no memory"):
        kubelet.stage(mounted())
    assert layers(machine, kubelet.staging) == 0
    machine.failures.clear()
    kubelet.stage(mounted())
    machine.grow("vdb", 3 * GIB)
    machine.failures["resize2fs"] = "no memory"
    with refused(Code.INTERNAL, "no memory"):
        kubelet.stage(mounted())
    assert layers(machine, kubelet.staging) == 1


def test_a_disk_that_does_not_come(kubelet: Kubelet) -> None:
    with refused(Code.UNAVAILABLE, f"virtio-{OTHER[:20]}"):
        kubelet.stage(mounted(), volume_id=OTHER, publish_context={})


def test_a_stale_link_is_never_formatted(kubelet: Kubelet, machine: Machine) -> None:
    (machine.sys / "class/block/vdb/serial").write_text(OTHER[:20])
    with refused(Code.FAILED_PRECONDITION, "another serial"):
        kubelet.stage(mounted())
    assert machine.calls == []


def test_a_disk_of_another_size_is_never_formatted(kubelet: Kubelet, machine: Machine) -> None:
    with refused(Code.FAILED_PRECONDITION, str(5 * GIB)):
        kubelet.stage(mounted(), publish_context={"size": str(5 * GIB)})
    assert machine.calls == []


def test_a_disk_in_use_elsewhere_is_neither_checked_nor_formatted(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    machine.calls.clear()
    kubelet.stage(mounted(), staging_target_path=kubelet.staging + "2")
    assert machine.programs() == ["blkid", "mount"]


@pytest.mark.parametrize(("fs_type", "program"), [("ext4", "resize2fs"), ("xfs", "xfs_growfs")])
def test_a_filesystem_smaller_than_its_volume_grows_when_it_is_staged(
    kubelet: Kubelet, machine: Machine, fs_type: str, program: str
) -> None:
    kubelet.stage(mounted(fs_type))
    kubelet.unstage()
    assert program not in machine.programs()
    machine.grow("vdb", 2 * GIB)
    machine.failures[program] = "no memory"
    with refused(Code.INTERNAL, "no memory"):
        kubelet.stage(mounted(fs_type))
    machine.failures.clear()
    kubelet.stage(mounted(fs_type))
    kubelet.stage(mounted(fs_type))
    assert machine.programs().count(program) == 2


def test_a_volume_for_readers_is_mounted_read_only(kubelet: Kubelet, machine: Machine) -> None:
    readers = mounted(mode=Mode.MULTI_NODE_READER_ONLY)
    with refused(Code.FAILED_PRECONDITION, "carries no filesystem"):
        kubelet.stage(readers)
    machine.probes[str(machine.dev / "vdb")] = "TYPE=ext4\n"
    machine.calls.clear()
    kubelet.stage(readers)
    kubelet.publish(readers)
    kubelet.publish(readers)
    assert machine.programs() == ["blkid", "dumpe2fs", "mount", "mount"]
    assert [call[call.index("-o") + 1] for call in machine.calls[2:]] == ["ro,noload", "bind,ro"]


@pytest.mark.parametrize(
    ("fs_type", "option"), [("ext4", "ro,noload"), ("ext3", "ro,noload"), ("xfs", "nouuid,ro,norecovery")]
)
def test_readers_on_several_nodes_never_replay_a_journal(
    kubelet: Kubelet, machine: Machine, fs_type: str, option: str
) -> None:
    disk = str(machine.dev / "vdb")
    machine.probes[disk] = f"TYPE={fs_type}\n"
    machine.unclean.add(disk)
    shared = mounted(mode=Mode.MULTI_NODE_READER_ONLY)
    with refused(Code.FAILED_PRECONDITION, f"{fs_type} filesystem", "ReadWriteOnce"):
        kubelet.stage(shared)
    assert layers(machine, kubelet.staging) == 0
    machine.unclean.clear()
    kubelet.stage(shared)
    assert option in machine.calls[-1]


def test_a_reader_on_one_node_replays_the_journal(kubelet: Kubelet, machine: Machine) -> None:
    disk = str(machine.dev / "vdb")
    machine.probes[disk] = "TYPE=ext4\n"
    machine.unclean.add(disk)
    kubelet.stage(mounted(mode=Mode.SINGLE_NODE_READER_ONLY))
    assert "ro" in machine.calls[-1]


def test_what_is_published_read_only_is_staged_so(kubelet: Kubelet, machine: Machine) -> None:
    machine.probes[str(machine.dev / "vdb")] = "TYPE=ext4\n"
    kubelet.stage(mounted(), publish_context={"readonly": "true"})
    kubelet.publish(mounted(), publish_context={"readonly": "true"})
    with refused(Code.ALREADY_EXISTS, "for reading only"):
        kubelet.stage(mounted(), publish_context={})


def test_publishing_read_only(kubelet: Kubelet) -> None:
    kubelet.stage(mounted())
    for _time in range(2):
        kubelet.publish(mounted(), readonly=True)
    with refused(Code.ALREADY_EXISTS, "for reading only"):
        kubelet.publish(mounted())


def test_a_read_only_bind_that_was_ended_half_way_is_made_again(kubelet: Kubelet, machine: Machine) -> None:
    """mount(8) binds first, for writing if the staged volume is, and makes that read-only afterwards."""
    kubelet.stage(mounted("ext4", "noatime"))
    kubelet.publish(mounted("ext4", "noatime"))
    for dummy in range(2):
        kubelet.publish(mounted("ext4", "noatime"), readonly=True)
    assert layers(machine, kubelet.target) == 1
    assert machine.calls[-1][:3] == ["mount", "-o", "bind,ro,noatime"]
    assert machine.programs().count("umount") == 1


def test_another_folder_of_the_volume_is_no_half_bind(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    kubelet.publish(mounted())
    machine.mountinfo.write_text(
        "".join(
            line.replace(" / ", " /sub ") if kubelet.target in line else line
            for line in machine.mountinfo.read_text().splitlines(keepends=True)
        )
    )
    with refused(Code.ALREADY_EXISTS, "for reading and writing"):
        kubelet.publish(mounted(), readonly=True)
    assert layers(machine, kubelet.target) == 1


def test_publishing_read_only_keeps_the_options_of_the_staged_volume(
    kubelet: Kubelet, machine: Machine
) -> None:
    capability = mounted("ext4", "nosuid", "nodev", "noexec", "noatime")
    kubelet.stage(capability)
    for dummy in range(2):
        kubelet.publish(capability, readonly=True)
    assert machine.calls[-1][:3] == ["mount", "-o", "bind,ro,noatime,nodev,noexec,nosuid"]


def test_publishing_what_is_not_staged(kubelet: Kubelet) -> None:
    with refused(Code.FAILED_PRECONDITION, "not staged"):
        kubelet.publish(mounted())
    for capability in (mounted(), raw()):
        with refused(Code.FAILED_PRECONDITION, "stage it first"):
            kubelet.publish(capability, staging_target_path="")


@pytest.mark.parametrize("shape", [mounted, raw])
def test_how_many_paths_a_volume_may_have(
    kubelet: Kubelet, shape: Callable[..., csi.VolumeCapability]
) -> None:
    single = shape(mode=Mode.SINGLE_NODE_SINGLE_WRITER)
    second = kubelet.target + "2"
    kubelet.stage(single)
    kubelet.publish(single)
    kubelet.publish(single)
    with refused(Code.FAILED_PRECONDITION, kubelet.target):
        kubelet.publish(single, target_path=second)
    for mode in (Mode.SINGLE_NODE_MULTI_WRITER, Mode.SINGLE_NODE_WRITER):
        kubelet.publish(shape(mode=mode), target_path=second)


def test_a_kubelet_folder_behind_a_link(kubelet: Kubelet, machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(machine.kubelet)
    kubelet.staging = str(tmp_path / "link/globalmount")
    for _time in range(2):
        kubelet.stage(mounted())
    assert layers(machine, kubelet.staging) == 1


# ---- a raw device ----


def test_one_life_of_a_raw_device_with_every_call_repeated(kubelet: Kubelet, machine: Machine) -> None:
    for _time in range(3):
        kubelet.stage(raw())
    for _time in range(3):
        kubelet.publish(raw())
    assert layers(machine, kubelet.target) == 1
    [usage] = kubelet.statistics(kubelet.target).usage
    assert (usage.unit, usage.total) == (csi.VolumeUsage.BYTES, GIB)
    for _time in range(3):
        kubelet.unpublish()
        kubelet.unstage()
    assert layers(machine, kubelet.target) == 0
    assert not os.path.lexists(kubelet.target)
    assert set(machine.programs()) == {"mount", "umount"}


def test_a_raw_target_with_another_device(kubelet: Kubelet, machine: Machine) -> None:
    machine.plug("vdc", OTHER[:20], link=f"virtio-{OTHER[:20]}")
    kubelet.publish(raw(), volume_id=OTHER)
    with refused(Code.ALREADY_EXISTS, kubelet.target):
        kubelet.publish(raw())


def test_a_raw_volume_whose_device_is_not_here_is_not_waited_for(kubelet: Kubelet, machine: Machine) -> None:
    with refused(Code.FAILED_PRECONDITION, "stage it first"):
        kubelet.publish(raw(), volume_id=OTHER)
    with refused(Code.FAILED_PRECONDITION, "stage it first"):
        kubelet.publish(raw(), publish_context={"size": str(5 * GIB)})
    assert machine.calls == []


def test_a_read_only_bind_of_a_raw_device_that_was_ended_half_way_is_made_again(
    kubelet: Kubelet, machine: Machine
) -> None:
    kubelet.stage(raw())
    kubelet.publish(raw())
    for dummy in range(2):
        kubelet.publish(raw(), readonly=True)
    assert layers(machine, kubelet.target) == 1
    assert machine.programs().count("umount") == 1
    with refused(Code.ALREADY_EXISTS, "for reading only"):
        kubelet.publish(raw())


def test_a_raw_target_that_is_a_folder(kubelet: Kubelet) -> None:
    os.makedirs(kubelet.target)
    with refused(Code.INVALID_ARGUMENT, kubelet.target):
        kubelet.publish(raw())


def test_the_kernel_refuses_writes_to_a_raw_device_of_readers(kubelet: Kubelet, machine: Machine) -> None:
    disk = str(machine.dev / "vdb")
    for dummy in range(2):
        kubelet.stage(raw(Mode.MULTI_NODE_READER_ONLY))
    kubelet.unstage()
    for dummy in range(2):
        kubelet.stage(raw(Mode.MULTI_NODE_MULTI_WRITER))
    assert machine.calls == [["blockdev", "--setro", disk], ["blockdev", "--setrw", disk]]


def test_a_write_protected_disk_is_not_for_writers(kubelet: Kubelet, machine: Machine) -> None:
    machine.protected.add(str(machine.dev / "vdb"))
    kubelet.stage(raw(Mode.MULTI_NODE_READER_ONLY))
    with refused(Code.FAILED_PRECONDITION, "write protected"):
        kubelet.stage(raw())


# ---- what is in use is not given away ----


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_another_pods_copy_of_a_mount_holds_no_volume(
    kubelet: Kubelet, machine: Machine, fs_type: str
) -> None:
    kubelet.stage(mounted(fs_type))
    (machine.sys / "fs" / fs_type / "vdb").mkdir(parents=True)
    kubelet.unstage()
    assert machine.programs()[-2:] == ["sync", "umount"]
    # Nobody may repair what is mounted.
    kubelet.stage(mounted(fs_type))
    assert machine.programs()[-2:] == ["blkid", "mount"]


def test_a_volume_is_not_given_back_before_it_is_written_out(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    machine.failures["sync"] = "did not end within 3600 s"
    for _time in range(2):
        with refused(Code.INTERNAL, "did not end"):
            kubelet.unstage()
    assert layers(machine, kubelet.staging) == 1
    del machine.failures["sync"]
    machine.answers["sync"] = Finished(1, "", "sync: error syncing: Input/output error")
    kubelet.unstage()
    assert layers(machine, kubelet.staging) == 0


@pytest.mark.parametrize("shape", [mounted, raw])
def test_unstaging_waits_until_nothing_is_published(
    kubelet: Kubelet, shape: Callable[..., csi.VolumeCapability]
) -> None:
    kubelet.stage(shape())
    kubelet.publish(shape())
    with refused(Code.ABORTED, "still in use", kubelet.target):
        kubelet.unstage()
    kubelet.unpublish()
    kubelet.unstage()


# ---- statistics ----


@pytest.mark.parametrize("path", ["some/path", "/nonexistent", "/"])
def test_statistics_of_a_path_without_the_volume(kubelet: Kubelet, path: str) -> None:
    with refused(Code.NOT_FOUND, path):
        kubelet.statistics(path)


def test_statistics_of_another_volume(kubelet: Kubelet) -> None:
    kubelet.stage(mounted())
    with refused(Code.NOT_FOUND, OTHER):
        kubelet.statistics(kubelet.staging, OTHER)


# ---- health ----


def health(node: csi_pb2_grpc.NodeStub, *paths: str, volume_id: str = VOLUME) -> list[Any]:
    publish, stage = [*paths, "", ""][:2]
    request = csi.NodeGetVolumeHealthRequest(
        volume_id=volume_id, volume_publish_path=publish, staging_target_path=stage
    )
    found = node.NodeGetVolumeHealth(request).volume_health
    assert found.volume_id == volume_id
    return list(found.health_statuses)


def remount(machine: Machine, path: str, old: str, new: str) -> None:
    """Change how the kernel shows what is mounted at a path."""
    lines = machine.mountinfo.read_text().splitlines()
    changed = [line.replace(old, new) if os.path.realpath(path) in line else line for line in lines]
    assert changed != lines
    machine.mountinfo.write_text("\n".join(changed) + "\n")


def test_a_sound_volume_has_no_problem(kubelet: Kubelet) -> None:
    assert health(kubelet.node) == []
    kubelet.stage(mounted())
    kubelet.publish(mounted())
    assert health(kubelet.node, kubelet.target, kubelet.staging) == []
    condition = kubelet.statistics(kubelet.target).volume_condition
    assert (condition.abnormal, condition.message) == (False, "no problem is known")


@pytest.mark.parametrize("options", ["ro", "rw,emergency_ro"])
def test_a_filesystem_that_turned_read_only(kubelet: Kubelet, machine: Machine, options: str) -> None:
    kubelet.stage(mounted())
    remount(machine, kubelet.staging, "/dev/vdb rw", f"/dev/vdb {options}")
    [problem] = health(kubelet.node, "", kubelet.staging)
    assert (problem.status, problem.reason) == (csi.INACCESSIBLE, "FilesystemReadOnly")
    assert kubelet.statistics(kubelet.staging).volume_condition.abnormal


def test_a_filesystem_for_readers_is_read_only_and_sound(kubelet: Kubelet, machine: Machine) -> None:
    machine.probes[str(machine.dev / "vdb")] = "TYPE=ext4\n"
    kubelet.stage(mounted(mode=Mode.SINGLE_NODE_READER_ONLY))
    remount(machine, kubelet.staging, "/dev/vdb rw", "/dev/vdb ro")
    assert health(kubelet.node, "", kubelet.staging) == []


def test_a_filesystem_with_errors(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    counts = machine.sys / "fs/ext4/vdb"
    counts.mkdir(parents=True)
    (counts / "errors_count").write_text("0\n")
    assert health(kubelet.node, "", kubelet.staging) == []
    (counts / "errors_count").write_text("3\n")
    [problem] = health(kubelet.node, "", kubelet.staging)
    assert (problem.status, problem.reason) == (csi.DEGRADED, "FilesystemErrors")
    assert "3 errors" in problem.message


def test_a_disk_that_goes_offline(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    state = machine.sys / "class/block/vdb/device/state"
    state.write_text("running\n")
    assert health(kubelet.node, "", kubelet.staging) == []
    assert not kubelet.node.NodeGetStorageHealth(csi.NodeGetStorageHealthRequest()).backend_health
    state.write_text("offline\n")
    [problem] = health(kubelet.node, "", kubelet.staging)
    assert (problem.status, problem.reason) == (csi.INACCESSIBLE, "DeviceOffline")
    [backend] = kubelet.node.NodeGetStorageHealth(csi.NodeGetStorageHealthRequest()).backend_health
    assert backend.status == csi.STORAGE_DEGRADED
    assert "vdb is offline" in backend.message


def test_a_disk_of_several_paths(kubelet: Kubelet, machine: Machine) -> None:
    machine.plug("sda")
    machine.plug("sdb")
    machine.join("dm-9", ["sda", "sdb"], OTHER[:20], link=f"virtio-{OTHER[:20]}")
    kubelet.stage(mounted(), volume_id=OTHER, publish_context={})
    states = [machine.sys / "class/block" / name / "device/state" for name in ("sda", "sdb")]
    states[0].write_text("offline\n")
    [problem] = health(kubelet.node, "", kubelet.staging, volume_id=OTHER)
    assert (problem.status, problem.reason) == (csi.DEGRADED, "PathsOffline")
    assert "1 of 2 paths of disk dm-9: disk sda is offline" in problem.message
    states[1].write_text("offline\n")
    problems = health(kubelet.node, "", kubelet.staging, volume_id=OTHER)
    assert {each.status for each in problems} == {csi.INACCESSIBLE}


def test_a_disk_that_shrank(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    (machine.sys / "class/block/vdb/size").write_text("8\n")
    [problem] = health(kubelet.node, "", kubelet.staging)
    assert (problem.status, problem.reason) == (csi.DATA_LOSS, "DeviceTooSmall")


@pytest.mark.parametrize("shape", [mounted, raw])
def test_a_disk_that_has_gone(
    kubelet: Kubelet, machine: Machine, shape: Callable[..., csi.VolumeCapability]
) -> None:
    kubelet.stage(shape())
    kubelet.publish(shape())
    next((machine.sys / "dev/block").iterdir()).unlink()
    [problem] = health(kubelet.node, kubelet.target, kubelet.staging)
    assert (problem.status, problem.reason) == (csi.INACCESSIBLE, "DeviceGone")
    told = kubelet.statistics(kubelet.target)
    assert (told.volume_condition.abnormal, told.volume_condition.message) == (True, problem.message)
    assert [(each.unit, each.total) for each in told.usage] == [(csi.VolumeUsage.BYTES, 0)]


def test_a_filesystem_that_was_shut_down(
    kubelet: Kubelet, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def look(path: str, *arguments: Any, **options: Any) -> os.stat_result:
        if path == kubelet.staging:
            fail(path)
        return usual(path, *arguments, **options)

    kubelet.stage(mounted())
    monkeypatch.setattr(os, "statvfs", fail)
    with refused(Code.INTERNAL, "cannot read the usage"):
        kubelet.statistics(kubelet.staging)
    usual = os.stat
    monkeypatch.setattr(os, "stat", look)
    told = kubelet.statistics(kubelet.staging)
    assert told.volume_condition.abnormal
    assert "answers no more" in told.volume_condition.message
    assert [(each.unit, each.total) for each in told.usage] == [(csi.VolumeUsage.BYTES, GIB)]


def test_a_volume_that_could_not_be_staged(kubelet: Kubelet) -> None:
    [problem] = health(kubelet.node, "", kubelet.staging, volume_id=OTHER)
    assert (problem.status, problem.reason) == (csi.INACCESSIBLE, "DeviceMissing")
    with refused(Code.NOT_FOUND, OTHER):
        health(kubelet.node, volume_id=OTHER)
    with refused(Code.INVALID_ARGUMENT, "volume_id"):
        health(kubelet.node, volume_id="")


# ---- the limit ----


def limit_of(node: csi_pb2_grpc.NodeStub) -> int:
    return int(node.NodeGetInfo(csi.NodeGetInfoRequest()).max_volumes_per_node)


def test_disks_of_others_take_places(kubelet: Kubelet, machine: Machine) -> None:
    # 16 disks at most, of which 15 may be volumes; vdb is one of those.
    assert limit_of(kubelet.node) == 15
    for name in ("vda", "vdc"):
        machine.plug(name)
    assert limit_of(kubelet.node) == 14
    machine.plug("vdd", OTHER[:20])
    assert limit_of(kubelet.node) == 14


def test_a_server_that_boots_from_a_volume_has_a_disk_of_its_own(kubelet: Kubelet, machine: Machine) -> None:
    machine.plug("vda", OTHER[:20])
    partition = machine.sys / "class/block/vda/vda1"
    partition.mkdir()
    (partition / "partition").write_text("1\n")
    (partition / "dev").write_text("253:99\n")
    machine.plug("vdc")
    assert limit_of(kubelet.node) == 15
    with machine.mountinfo.open("a") as file:
        file.write("31 22 253:99 /var/lib/kubelet /var/lib/kubelet rw - ext4 /dev/vda1 rw\n")
    assert limit_of(kubelet.node) == 14


def test_a_volume_that_the_machine_itself_has_mounted(kubelet: Kubelet, machine: Machine) -> None:
    """Where the driver's container does not see it."""
    for name in ("vda", "vdc"):
        machine.plug(name)
    machine.plug("vdd", OTHER[:20])
    assert limit_of(kubelet.node) == 14
    (machine.sys / "fs/xfs/vdd").mkdir(parents=True)
    assert limit_of(kubelet.node) == 13


def test_what_the_kubelet_has_mounted_is_a_volume(kubelet: Kubelet, machine: Machine) -> None:
    disk = machine.plug("sda", OTHER[:20], link=f"virtio-{OTHER[:20]}")
    (machine.sys / "class/block/sda/serial").write_text("LOCAL-1")
    for name in ("vda", "vdc"):
        machine.plug(name)
    assert limit_of(kubelet.node) == 13
    number = machine.number_of(str(disk))
    with machine.mountinfo.open("a") as file:
        file.write(f"31 22 {number} / /k/plugins/kubernetes.io/csi/x/1/globalmount rw - ext4 {disk} rw\n")
    assert limit_of(kubelet.node) == 14


def test_a_full_node_has_a_limit_still(kubelet: Kubelet, machine: Machine) -> None:
    for index in range(20):
        machine.plug(f"vdz{index}")
    assert limit_of(kubelet.node) == 1


# ---- bad requests, each naming field and value ----


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"volume_id": ""}, "volume_id is missing"),
        ({"staging_target_path": ""}, "staging_target_path is missing"),
        ({"staging_target_path": "a/b"}, "staging_target_path 'a/b' is not an absolute path"),
        ({"staging_target_path": "/a\0b"}, "not an absolute path"),
        ({"volume_capability": None}, "volume_capability is missing"),
        ({"volume_capability": csi.VolumeCapability()}, "access type"),
        ({"volume_capability": mounted(mode=Mode.UNKNOWN)}, "access mode"),
        (
            {"volume_capability": mounted("ntfs")},
            "fs_type 'ntfs' is not supported: use one of ext4, xfs, ext3",
        ),
        ({"volume_capability": mounted("", "")}, "mount_flags: ''"),
        ({"publish_context": {"size": "1 GiB"}}, "publish_context.size '1 GiB' is not a number of bytes"),
        ({"publish_context": {"size": "-1"}}, "publish_context.size '-1'"),
        ({"publish_context": {"size": "9" * 5000}}, "publish_context.size '999"),
        ({"publish_context": {"connection": "words"}}, "publish_context.connection is no connection"),
        ({"publish_context": {"connection": "[]"}}, "publish_context.connection is no connection"),
        ({"publish_context": {"connection": "{}"}}, "publish_context.connection is no connection"),
        ({"volume_id": "../../etc", "publish_context": {}}, "'../../etc'"),
    ],
)
def test_bad_stage_requests(kubelet: Kubelet, machine: Machine, changes: dict[str, Any], words: str) -> None:
    with refused(Code.INVALID_ARGUMENT, words):
        kubelet.stage(mounted(), **changes)
    assert machine.calls == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"volume_id": ""}, "volume_id"),
        ({"target_path": ""}, "target_path"),
        ({"volume_capability": None}, "volume_capability"),
        ({"volume_capability": None, "staging_target_path": ""}, "volume_capability"),
    ],
)
def test_bad_publish_requests(kubelet: Kubelet, changes: dict[str, Any], words: str) -> None:
    with refused(Code.INVALID_ARGUMENT, words):
        kubelet.publish(mounted(), **changes)


def test_other_bad_requests(node: csi_pb2_grpc.NodeStub) -> None:
    calls: list[Callable[[], object]] = [
        lambda: node.NodeUnstageVolume(csi.NodeUnstageVolumeRequest(volume_id=VOLUME)),
        lambda: node.NodeUnstageVolume(csi.NodeUnstageVolumeRequest(staging_target_path="/a")),
        lambda: node.NodeUnpublishVolume(csi.NodeUnpublishVolumeRequest(volume_id=VOLUME)),
        lambda: node.NodeUnpublishVolume(csi.NodeUnpublishVolumeRequest(target_path="/a")),
        lambda: node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(volume_id=VOLUME)),
        lambda: node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(volume_path="/a")),
    ]
    for call in calls:
        with refused(Code.INVALID_ARGUMENT, "is missing"):
            call()


def test_a_volume_that_another_call_works_on(kubelet: Kubelet, locks: Locks) -> None:
    with locks.hold(VOLUME):
        for call in (
            lambda: kubelet.stage(mounted()),
            lambda: kubelet.publish(mounted()),
            kubelet.unpublish,
            kubelet.unstage,
        ):
            with refused(Code.ABORTED, VOLUME):
                call()
    kubelet.stage(mounted())


# ---- growing ----


@pytest.mark.parametrize(("fs_type", "program"), [("ext4", "resize2fs"), ("xfs", "xfs_growfs")])
def test_a_mounted_filesystem_grows_with_its_volume(
    kubelet: Kubelet, machine: Machine, fs_type: str, program: str
) -> None:
    kubelet.stage(mounted(fs_type))
    kubelet.publish(mounted(fs_type))
    machine.grow("vdb", 2 * GIB)
    assert kubelet.expand(kubelet.staging, GIB + 1) == 2 * GIB
    assert kubelet.expand(kubelet.target, 2 * GIB) == 2 * GIB
    assert machine.programs().count(program) == 2


def test_a_volume_published_for_reading_grows_where_it_is_staged_for_writing(
    kubelet: Kubelet, machine: Machine
) -> None:
    kubelet.stage(mounted("xfs"))
    kubelet.publish(mounted("xfs"), readonly=True)
    machine.grow("vdb", 2 * GIB)
    kubelet.expand(kubelet.target, 2 * GIB)
    assert machine.calls[-1] == ["xfs_growfs", kubelet.staging]


def test_a_volume_staged_for_reading_does_not_grow(kubelet: Kubelet, machine: Machine) -> None:
    machine.probes[str(machine.dev / "vdb")] = "TYPE=ext4\n"
    kubelet.stage(mounted(mode=Mode.MULTI_NODE_READER_ONLY))
    machine.grow("vdb", 2 * GIB)
    with refused(Code.FAILED_PRECONDITION, "for reading only"):
        kubelet.expand(kubelet.staging, 2 * GIB)


def test_a_disk_of_several_paths_is_no_encrypted_volume(kubelet: Kubelet, machine: Machine) -> None:
    machine.plug("sda")
    machine.plug("sdb")
    machine.join("dm-9", ["sda", "sdb"], OTHER[:20], link=f"virtio-{OTHER[:20]}")
    kubelet.stage(mounted(), volume_id=OTHER, publish_context={})
    for name in ("sda", "sdb", "dm-9"):
        machine.grow(name, 2 * GIB)
    assert kubelet.expand(kubelet.staging, 2 * GIB, OTHER) == 2 * GIB
    assert machine.calls[-1] == ["resize2fs", str(machine.dev / "dm-9")]
    assert "cryptsetup" not in machine.programs()


def test_a_raw_device_only_has_to_be_seen_at_its_size(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(raw())
    kubelet.publish(raw())
    machine.grow("vdb", 3 * GIB)
    assert kubelet.expand(kubelet.target, 3 * GIB) == 3 * GIB
    assert machine.programs() == ["mount"]


def test_a_scsi_disk_is_asked_for_its_size_again(kubelet: Kubelet, machine: Machine) -> None:
    rescan = machine.sys / "class/block/vdb/device/rescan"
    rescan.touch()
    kubelet.stage(mounted())
    machine.grow("vdb", 2 * GIB)
    kubelet.expand(kubelet.staging, 2 * GIB)
    assert rescan.read_text() == "1"


def test_a_device_that_has_not_grown_yet_is_to_be_asked_for_again(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    with refused(Code.UNAVAILABLE, "still sees", str(machine.dev / "vdb"), str(GIB)):
        kubelet.expand(kubelet.staging, GIB + 1)
    assert "resize2fs" not in machine.programs()


def test_a_volume_whose_encryption_takes_some_of_it_has_grown(kubelet: Kubelet, machine: Machine) -> None:
    kubelet.stage(mounted())
    machine.grow("vdb", 2 * GIB - 16 * 1024**2)
    assert kubelet.expand(kubelet.staging, 2 * GIB) == 2 * GIB - 16 * 1024**2


def test_expanding_what_is_not_there(kubelet: Kubelet, machine: Machine) -> None:
    for path in (kubelet.staging, "some/path"):
        with refused(Code.NOT_FOUND, VOLUME, path):
            kubelet.expand(path, GIB)
    with refused(Code.INVALID_ARGUMENT, "volume_path is missing"):
        kubelet.expand("", GIB)
    with refused(Code.OUT_OF_RANGE, "negative"):
        kubelet.expand(kubelet.staging, -GIB)
