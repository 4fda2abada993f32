# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Node service with the kernel's own block devices, filesystems and mounts.

A loop device stands for the disk. It has no serial, so sysfs and /dev/disk/by-id are a tree of the test's;
the device file, all programs and the mounts are real. Needs root.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block.node import NodeInfo, NodeServicer
from ansible_collections.mooring.storage.csi_server.block.node_health import NodeHealth
from ansible_collections.mooring.storage.csi_server.block.node_host import HostBlockNode
from ansible_collections.mooring.storage.csi_server.block.node_limit import VolumeLimit
from ansible_collections.mooring.storage.csi_server.host.commands import SystemCommands
from ansible_collections.mooring.storage.csi_server.host.devices import Devices
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
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline, wait_for

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/loop-control"), reason="needs root and loop devices"
)

VOLUME = "0a1b2c3d-0000-4000-8000-000000000001"
CLONE = "0a1b2c3e-0000-4000-8000-000000000002"
# The smallest that mkfs.xfs makes is 300 MB.
SIZE = 384 * 1024**2
WORDS = "nothing of this may be in memory alone"
Mode = csi.VolumeCapability.AccessMode
Code = grpc.StatusCode


def ran(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


class Disks:
    """Files as loop devices, with the serials that the hypervisor would have given them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.dev, self.sys = folder / "dev", folder / "sys"
        self._loops: list[str] = []
        for each in (
            self.dev / "disk/by-id",
            self.sys / "block",
            self.sys / "class/block",
            self.sys / "dev/block",
        ):
            each.mkdir(parents=True)
        (self.sys / "fs").symlink_to("/sys/fs")

    def plug(self, volume_id: str, size: int = SIZE) -> Path:
        file = self._folder / f"{volume_id}.img"
        with file.open("ab") as opened:
            opened.truncate(size)
        loop = ran("losetup", "-f", "--show", str(file))
        self._loops.append(loop)
        name, number = os.path.basename(loop), os.stat(loop).st_rdev
        attributes = self.sys / "class/block" / name
        attributes.mkdir()
        for attribute in ("dev", "size", "ro"):
            (attributes / attribute).symlink_to(f"/sys/class/block/{name}/{attribute}")
        (attributes / "serial").write_text(volume_id[:20])
        (self.sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}").symlink_to(attributes)
        (self.sys / "block" / name).symlink_to(attributes)
        path = self.dev / name
        os.mknod(path, 0o600 | 0o060000, number)
        (self.dev / "disk/by-id" / f"virtio-{volume_id[:20]}").symlink_to(path)
        return path

    def unplug_all(self) -> None:
        for loop in self._loops:
            ran("losetup", "-d", loop)


def mounts_below(folder: Path) -> list[str]:
    paths = [
        line.split()[4].replace("\\040", " ")
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
    ]
    return [path for path in paths if path.startswith(f"{folder}/")]


def may_resize_ext4_online() -> bool:
    """Whether this process has CAP_SYS_RESOURCE: the kernel asks for it, and not every root has it."""
    [effective] = [
        line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "CapEff" in line
    ]
    return bool(int(effective, 16) >> 24 & 1)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    disks = Disks(tmp_path)
    yield disks
    left = mounts_below(tmp_path)
    for path in reversed(left):
        ran("umount", path)
    disks.unplug_all()
    assert left == []


@pytest.fixture
def node(disks: Disks, tmp_path: Path) -> Iterator[csi_pb2_grpc.NodeStub]:
    commands = SystemCommands()
    devices = Devices(commands, dev=str(disks.dev), sys=str(disks.sys))
    mounts, filesystems = Mounts(commands), Filesystems(commands)
    encryption = Encryption(commands, devices, filesystems)
    host = HostBlockNode(devices, filesystems, mounts, encryption, device_wait=0.5)
    health = NodeHealth(devices, mounts, Health())
    info = NodeInfo("server-1", VolumeLimit(Slots(devices, mounts, str(disks.sys)), 15))
    server = listen(str(tmp_path / "csi.sock"), 4, [Calls(Metrics())])
    csi_pb2_grpc.add_NodeServicer_to_server(NodeServicer(host, health, info, Locks()), server)
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


RAW = csi.VolumeCapability(
    block=csi.VolumeCapability.BlockVolume(),
    access_mode=csi.VolumeCapability.AccessMode(mode=Mode.SINGLE_NODE_MULTI_WRITER),
)


class Kubelet:
    """Calls as the kubelet makes them, each twice: all have to bear that."""

    def __init__(self, node: csi_pb2_grpc.NodeStub, folder: Path) -> None:
        self._node = node
        self._folder = folder

    def staging(self, volume_id: str = VOLUME) -> Path:
        return self._folder / "staging" / volume_id

    def target(self, volume_id: str = VOLUME) -> Path:
        return self._folder / "pods" / volume_id

    def stage(self, capability: csi.VolumeCapability, volume_id: str = VOLUME) -> None:
        request = csi.NodeStageVolumeRequest(
            volume_id=volume_id,
            staging_target_path=str(self.staging(volume_id)),
            volume_capability=capability,
        )
        for _time in range(2):
            self._node.NodeStageVolume(request)

    def publish(
        self, capability: csi.VolumeCapability, volume_id: str = VOLUME, readonly: bool = False
    ) -> Path:
        request = csi.NodePublishVolumeRequest(
            volume_id=volume_id,
            staging_target_path=str(self.staging(volume_id)),
            target_path=str(self.target(volume_id)),
            volume_capability=capability,
            readonly=readonly,
        )
        for _time in range(2):
            self._node.NodePublishVolume(request)
        return self.target(volume_id)

    def statistics(self, volume_id: str = VOLUME) -> dict[int, csi.VolumeUsage]:
        request = csi.NodeGetVolumeStatsRequest(volume_id=volume_id, volume_path=str(self.target(volume_id)))
        return {each.unit: each for each in self._node.NodeGetVolumeStats(request).usage}

    def problems(self, volume_id: str = VOLUME) -> list[str]:
        request = csi.NodeGetVolumeHealthRequest(
            volume_id=volume_id,
            volume_publish_path=str(self.target(volume_id)),
            staging_target_path=str(self.staging(volume_id)),
        )
        found = self._node.NodeGetVolumeHealth(request).volume_health.health_statuses
        return [each.reason for each in found]

    def unpublish(self, volume_id: str = VOLUME) -> None:
        request = csi.NodeUnpublishVolumeRequest(volume_id=volume_id, target_path=str(self.target(volume_id)))
        for _time in range(2):
            self._node.NodeUnpublishVolume(request)

    def unstage(self, volume_id: str = VOLUME) -> None:
        request = csi.NodeUnstageVolumeRequest(
            volume_id=volume_id, staging_target_path=str(self.staging(volume_id))
        )
        for _time in range(2):
            self._node.NodeUnstageVolume(request)

    def take_away(self, volume_id: str = VOLUME) -> None:
        self.unpublish(volume_id)
        self.unstage(volume_id)


@pytest.fixture
def kubelet(node: csi_pb2_grpc.NodeStub, tmp_path: Path) -> Kubelet:
    return Kubelet(node, tmp_path / "kubelet with a space")


@contextmanager
def refused(code: grpc.StatusCode, words: str) -> Iterator[None]:
    with pytest.raises(grpc.RpcError) as failure:
        yield
    assert failure.value.code() is code
    assert words in failure.value.details()


@pytest.mark.parametrize("fs_type", ["ext4", "xfs", "ext3"])
def test_data_outlives_the_pod(kubelet: Kubelet, disks: Disks, tmp_path: Path, fs_type: str) -> None:
    disks.plug(VOLUME)
    capability = mounted(fs_type, "noatime")
    kubelet.stage(capability)
    path = kubelet.publish(capability)
    (path / "data").write_text("kept")
    assert len(mounts_below(tmp_path)) == 2
    usage = kubelet.statistics()
    assert SIZE * 0.7 < usage[csi.VolumeUsage.BYTES].total < SIZE
    assert usage[csi.VolumeUsage.BYTES].available > 0
    assert usage[csi.VolumeUsage.INODES].used > 0
    kubelet.take_away()
    assert mounts_below(tmp_path) == []
    assert not path.exists()

    kubelet.stage(mounted())
    assert (kubelet.publish(mounted(), readonly=True) / "data").read_text() == "kept"
    with pytest.raises(OSError, match="Read-only"):
        (path / "more").touch()
    kubelet.take_away()


def test_a_raw_device_is_the_device(kubelet: Kubelet, disks: Disks, tmp_path: Path) -> None:
    disk = disks.plug(VOLUME)
    kubelet.stage(RAW)
    path = kubelet.publish(RAW)
    assert os.stat(path).st_rdev == os.stat(disk).st_rdev
    assert len(mounts_below(tmp_path)) == 1
    with path.open("r+b", buffering=0) as device:
        device.write(b"kept" * 1024)
        os.fsync(device.fileno())
    assert kubelet.statistics()[csi.VolumeUsage.BYTES].total == SIZE
    kubelet.take_away()
    assert not path.exists()
    with disk.open("rb") as device:
        assert device.read(4) == b"kept"


def write_partition_table(disk: Path) -> None:
    # A DOS table: one Linux partition from sector 2048, the mark at the sector's end.
    entry = (
        bytes([0, 0, 0, 0, 0x83, 0, 0, 0])
        + (2048).to_bytes(4, "little")
        + (SIZE // 1024).to_bytes(4, "little")
    )
    with disk.open("r+b") as device:
        device.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")


@pytest.mark.parametrize(
    "write",
    [
        lambda disk: ran("mkfs.xfs", "-q", str(disk)),
        lambda disk: ran("mkswap", str(disk)),
        write_partition_table,
    ],
    ids=["xfs", "swap", "partition table"],
)
def test_what_carries_something_else_stays_as_it_is(
    kubelet: Kubelet, disks: Disks, write: Callable[[Path], object]
) -> None:
    disk = disks.plug(VOLUME)
    write(disk)
    before = ran("blkid", "-p", "-o", "export", str(disk))
    assert before
    with refused(Code.FAILED_PRECONDITION, "neither formatted nor mounted"):
        kubelet.stage(mounted("ext4"))
    assert ran("blkid", "-p", "-o", "export", str(disk)) == before


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_larger_clone_beside_its_source(
    kubelet: Kubelet, disks: Disks, tmp_path: Path, fs_type: str
) -> None:
    if fs_type == "ext4" and not may_resize_ext4_online():
        pytest.skip("needs CAP_SYS_RESOURCE")
    source = disks.plug(VOLUME)
    kubelet.stage(mounted(fs_type))
    (kubelet.publish(mounted(fs_type)) / "data").write_text("cloned")
    kubelet.take_away()
    ran("cp", "--sparse=always", str(source), str(tmp_path / f"{CLONE}.img"))
    disks.plug(CLONE, 2 * SIZE)
    kubelet.stage(mounted(fs_type))
    kubelet.stage(mounted(fs_type), CLONE)
    assert (kubelet.publish(mounted(fs_type), CLONE) / "data").read_text() == "cloned"
    assert kubelet.statistics(CLONE)[csi.VolumeUsage.BYTES].total > 1.5 * SIZE
    kubelet.take_away(CLONE)
    kubelet.unstage()


def test_an_unclean_filesystem_is_repaired(kubelet: Kubelet, disks: Disks) -> None:
    disk = disks.plug(VOLUME)
    kubelet.stage(mounted("ext4"))
    (kubelet.publish(mounted("ext4")) / "data").write_text("kept")
    kubelet.take_away()
    ran("debugfs", "-w", "-R", "set_super_value free_inodes_count 1", str(disk))
    ran("debugfs", "-w", "-R", "set_super_value state 0", str(disk))
    kubelet.stage(mounted("ext4"))
    assert (kubelet.publish(mounted("ext4")) / "data").read_text() == "kept"
    assert kubelet.statistics()[csi.VolumeUsage.INODES].available > 1
    kubelet.take_away()


def test_an_xfs_that_was_not_finished_is_formatted_again(kubelet: Kubelet, disks: Disks) -> None:
    disk = disks.plug(VOLUME)
    ran("mkfs.xfs", "-q", str(disk))
    ran("xfs_db", "-x", "-c", "sb 0", "-c", "write inprogress 1", str(disk))
    kubelet.stage(mounted("xfs"))
    path = kubelet.publish(mounted("xfs"))
    (path / "data").write_text("kept")
    kubelet.take_away()
    # What the kernel has once mounted stays, whatever its mark says: it is a copy of somebody's.
    ran("xfs_db", "-x", "-c", "sb 0", "-c", "write inprogress 1", str(disk))
    with refused(Code.INTERNAL, "mount"):
        kubelet.stage(mounted("xfs"))
    ran("xfs_db", "-x", "-c", "sb 0", "-c", "write inprogress 0", str(disk))
    kubelet.stage(mounted("xfs"))
    assert (kubelet.publish(mounted("xfs")) / "data").read_text() == "kept"
    kubelet.take_away()


def test_a_read_only_bind_that_was_ended_half_way_is_made_again(kubelet: Kubelet, disks: Disks) -> None:
    disks.plug(VOLUME)
    kubelet.stage(mounted())
    path = kubelet.publish(mounted())
    kubelet.publish(mounted(), readonly=True)
    with pytest.raises(OSError, match="Read-only"):
        (path / "more").touch()
    kubelet.take_away()


def test_mount_options_that_the_kernel_refuses(kubelet: Kubelet, disks: Disks, tmp_path: Path) -> None:
    disks.plug(VOLUME)
    with refused(Code.INTERNAL, "no-such-option"):
        kubelet.stage(mounted("ext4", "no-such-option"))
    assert mounts_below(tmp_path) == []


def test_published_for_reading_with_the_options_of_the_staged_volume(kubelet: Kubelet, disks: Disks) -> None:
    disks.plug(VOLUME)
    capability = mounted("ext4", "nosuid", "nodev", "noexec", "noatime")
    kubelet.stage(capability)
    path = kubelet.publish(capability, readonly=True)
    shown = ran("findmnt", "--noheadings", "--output", "VFS-OPTIONS", str(path)).split(",")
    assert {"ro", "nosuid", "nodev", "noexec", "noatime"} <= set(shown)
    kubelet.take_away()


def test_staged_with_other_options(kubelet: Kubelet, disks: Disks) -> None:
    disks.plug(VOLUME)
    kubelet.stage(mounted("ext4", "noexec", "discard"))
    for other in (mounted("ext4"), mounted("xfs", "noexec"), mounted("ext4", "noexec", "ro")):
        with refused(Code.ALREADY_EXISTS, str(kubelet.staging())):
            kubelet.stage(other)
    kubelet.unstage()


def test_a_volume_in_use_is_not_taken_away(kubelet: Kubelet, disks: Disks, tmp_path: Path) -> None:
    disks.plug(VOLUME)
    kubelet.stage(mounted())
    with (kubelet.publish(mounted()) / "open").open("w"):
        with refused(Code.INTERNAL, "busy"):
            kubelet.unpublish()
        assert len(mounts_below(tmp_path)) == 2
    kubelet.take_away()


def test_a_volume_mounted_where_the_driver_does_not_see_it_is_given_back_written_out(
    kubelet: Kubelet, disks: Disks
) -> None:
    disk = disks.plug(VOLUME)
    kubelet.stage(mounted())
    (kubelet.publish(mounted()) / "file").write_text(WORDS)
    kubelet.unpublish()
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", "echo ready; read dummy"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        kubelet.unstage()
        # By the disk itself, as another node would read it.
        on_disk = subprocess.run(["grep", "--quiet", "--text", WORDS, disk], check=False)
        assert on_disk.returncode == 0
        other.communicate(b"\n")


def test_data_left_below_the_target_stays(kubelet: Kubelet, disks: Disks) -> None:
    disks.plug(VOLUME)
    kubelet.target().mkdir(parents=True)
    (kubelet.target() / "not of the volume").touch()
    with refused(Code.INTERNAL, "cannot remove"):
        kubelet.unpublish()
    assert (kubelet.target() / "not of the volume").exists()


@pytest.mark.parametrize(
    ("reaction", "problem"), [("remount-ro", "FilesystemReadOnly"), ("continue", "FilesystemErrors")]
)
def test_an_error_in_a_filesystem_is_told_until_it_is_checked(
    kubelet: Kubelet, disks: Disks, reaction: str, problem: str
) -> None:
    disk = disks.plug(VOLUME)
    capability = mounted("ext4", f"errors={reaction}")
    kubelet.stage(capability)
    kubelet.publish(capability)
    assert kubelet.problems() == []
    Path("/sys/fs/ext4", disk.name, "trigger_fs_error").write_text("told to")
    # The kernel counts it in a thread of its own.
    wait_for(lambda: kubelet.problems() == [problem] or None, problem, Deadline.after(10))
    kubelet.take_away()
    kubelet.stage(capability)
    kubelet.publish(capability)
    assert kubelet.problems() == []
    kubelet.take_away()


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_readers_on_several_nodes_take_a_clean_filesystem_alone(
    kubelet: Kubelet, disks: Disks, tmp_path: Path, fs_type: str
) -> None:
    readers = mounted(fs_type, mode=Mode.MULTI_NODE_READER_ONLY)
    disks.plug(VOLUME)
    kubelet.stage(mounted(fs_type))
    (kubelet.publish(mounted(fs_type)) / "data").write_text("written")
    os.sync()
    # What a snapshot of a volume in use holds: the journal is not replayed.
    ran("cp", str(tmp_path / f"{VOLUME}.img"), str(tmp_path / f"{CLONE}.img"))
    disks.plug(CLONE)
    with refused(Code.FAILED_PRECONDITION, "was not unmounted in order"):
        kubelet.stage(readers, CLONE)
    kubelet.stage(mounted(fs_type), CLONE)
    kubelet.unstage(CLONE)
    kubelet.stage(readers, CLONE)
    path = kubelet.publish(readers, CLONE)
    assert (path / "data").read_text() == "written"
    assert "norecovery" in ran("findmnt", "--noheadings", "--output", "FS-OPTIONS", str(path))
    kubelet.take_away(CLONE)
    kubelet.take_away()


def test_readers_cannot_write_to_a_raw_device(kubelet: Kubelet, disks: Disks) -> None:
    disks.plug(VOLUME)
    readers = csi.VolumeCapability(
        block=csi.VolumeCapability.BlockVolume(),
        access_mode=csi.VolumeCapability.AccessMode(mode=Mode.MULTI_NODE_READER_ONLY),
    )
    for capability, writable in ((readers, False), (RAW, True)):
        kubelet.stage(capability)
        path = kubelet.publish(capability)
        if writable:
            path.write_bytes(b"written")
        else:
            with pytest.raises(PermissionError):
                path.write_bytes(b"refused")
        kubelet.take_away()
