# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging and publishing on this machine: the order of the steps, and what makes each repeatable.

Nothing is remembered between calls. What is mounted, and which serial the device below has, is asked
of the kernel each time; so a restart of the driver, or a second one, changes nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

from ...plugins.module_utils._cloud.waiting import Deadline
from ..host import health, mounts, statistics
from ..host.devices import Device, Devices, Wanted
from ..host.encryption import Encryption, has_lost_disk
from ..host.errors import (
    CommandTimedOut,
    DeviceNotReady,
    HostError,
    MountConflict,
    NotStaged,
    PublishedElsewhere,
    Refused,
    StillInUse,
    TargetMissing,
)
from ..host.filesystems import Filesystems, mount_options, without_recovery
from ..host.mounts import Mount, Mounts
from ..host.statistics import Statistics, Usage
from .node_requests import Expand, Filesystem, Publish, Stage

log = logging.getLogger(__name__)

# Mount options that the kernel shows for each mount exactly as they were given. Options of the
# filesystem itself it shows in a form of its own, if at all, so those cannot be compared.
_COMPARABLE = frozenset({"noatime", "nodiratime", "nosuid", "nodev", "noexec"})
# Beyond that, waiting for a device in this call keeps the reason from the person who waits for the pod.
_DEVICE_WAIT = 60.0
# After these the kubelet takes a volume as possibly staged: it stages it again, or unstages it.
_NOT_FINAL = (DeviceNotReady, CommandTimedOut)


class HostBlockNode:
    """A BlockNode on the devices, filesystems and mounts of this machine.

    :param device_wait: the longest that one call waits for a device, in seconds.
    """

    def __init__(
        self,
        devices: Devices,
        filesystems: Filesystems,
        mounts: Mounts,
        encryption: Encryption,
        device_wait: float = _DEVICE_WAIT,
    ) -> None:
        self._devices = devices
        self._filesystems = filesystems
        self._mounts = mounts
        self._encryption = encryption
        self._device_wait = device_wait

    def stage(self, request: Stage, deadline: Deadline) -> None:
        filesystem = request.access.filesystem
        if filesystem is None:
            with self._undone(request):
                # Publishing binds the device file, and who may open that may write, whatever the mount says.
                self._devices.set_read_only(self._opened(request, deadline), request.access.read_only)
            return
        mounted = self._mounts.at(request.path)
        if mounted is not None and self._has_lost_disk(mounted.number, request.volume_id):
            log.warning("the disk of %s at %s has gone: unmounting it", mounted.source, request.path)
            self._mounts.unmount(request.path)
            mounted = None
        if mounted is None:
            with self._undone(request):
                device = self._opened(request, deadline)
                self._fill(device, self._mount(device, filesystem, request), request)
            return
        device = self._device_at(mounted, request.wanted.serial)
        _check_same(mounted, filesystem, request.access.read_only)
        self._fill(device, mounted.fs_type, request)

    def unstage(self, volume_id: str, path: str) -> None:
        self._mounts.write_out(path)
        self._mounts.unmount(path)
        self._let_go(volume_id)

    def publish(self, request: Publish) -> None:
        if request.access.filesystem is None:
            self._publish_device(request)
        else:
            self._publish_directory(request, request.access.filesystem)

    def unpublish(self, path: str) -> None:
        self._mounts.unmount(path)
        mounts.remove(path)

    def statistics(self, volume_id: str, path: str) -> Statistics:
        number, dummy = self._number_at(path)
        if number and self._has_lost_disk(number, volume_id):
            return Statistics(bytes=Usage(total=0))
        device, mounted = self._volume_at(path, volume_id)
        known = Statistics(bytes=Usage(total=device.size))
        if mounted is None:
            return known
        try:
            return statistics.of_filesystem(path)
        except HostError:
            if health.failure_at(path):
                return known
            raise

    def expand(self, request: Expand, deadline: Deadline) -> int:
        device, mounted = self._volume_at(request.path, request.volume_id)
        # What lies below another device may be the paths of a disk.
        encrypted = device == self._encryption.at(request.volume_id)
        disk = self._devices.below(device)[0] if encrypted else device
        disk = self._devices.grown(disk, request.wanted, self._device_deadline(deadline))
        device = self._encryption.grow(request.volume_id) if encrypted else disk
        if mounted is not None:
            writable = self._writable(mounted)
            self._filesystems.grow(device, writable.fs_type, writable.path)
        return disk.size

    def _writable(self, mounted: Mount) -> Mount:
        """The mount, or another of its filesystem: XFS grows through one that may be written to."""
        for each in (mounted, *self._mounts.all()):
            if each.number == mounted.number and not each.read_only:
                return each
        raise Refused(f"{mounted.path} is mounted for reading only: its filesystem cannot grow")

    def _volume_at(self, path: str, volume_id: str) -> tuple[Device, Mount | None]:
        """The volume's device and mount; no mount for a raw device.

        :raises TargetMissing: the volume is not at the path.
        """
        number, mounted = self._number_at(path)
        device = self._devices.by_number(number) if number else None
        if device is None or not self._devices.shows(device, volume_id):
            raise TargetMissing(f"volume {volume_id} is not at {path!r}")
        return device, mounted

    def _number_at(self, path: str) -> tuple[str, Mount | None]:
        """``major:minor`` of what is at the path, empty for nothing; and its mount, if it is a filesystem."""
        raw = self._devices.number_at(path)
        if raw is not None:
            return raw, None
        mounted = self._mounts.at(path) if os.path.isabs(path) else None
        return (mounted.number if mounted else ""), mounted

    @contextlib.contextmanager
    def _undone(self, request: Stage) -> Iterator[None]:
        """Undo what was begun of staging a volume when that fails for good: nobody would unstage it.

        A raw volume that is published was staged before, and stays.
        """
        try:
            yield
        except _NOT_FINAL:
            raise
        except Exception as error:
            try:
                self.unstage(request.volume_id, request.path)
            except StillInUse:
                pass
            except Exception as second:  # noqa: BLE001 - whatever it is, the first error is the one to tell
                error.add_note(f"volume {request.volume_id} is left over on this node: {second}")
            raise

    def _fill(self, device: Device, fs_type: str, request: Stage) -> None:
        """Grow the filesystem: its volume may have grown while it was not mounted, or was made of less."""
        if not request.access.read_only and not self._filesystems.fills(device):
            self._filesystems.grow(device, fs_type, request.path)

    def _has_lost_disk(self, number: str, volume_id: str) -> bool:
        """Whether ``major:minor`` is of a disk that has gone, or of the volume's mapping of it."""
        device = self._devices.by_number(number)
        if device is None:
            return self._devices.has_gone(number)
        return has_lost_disk(self._devices, volume_id, device)

    def _let_go(self, volume_id: str) -> None:
        """Close the volume if it is encrypted, and let go of its device.

        :raises StillInUse: it is mounted; or it is encrypted, and its mapping is in use where this process
            does not see it.
        """
        mapping = self._encryption.at(volume_id)
        devices = [*self._devices.of_volume(volume_id), *([mapping] if mapping else [])]
        for device in devices:
            for mounted in self._mounts.all():
                if mounted.number == device.number or self._shows_file_of(mounted, device):
                    raise StillInUse(f"volume {volume_id} is still in use at {mounted.path}")
        if any(map(self._devices.has_filesystem_in_use, devices)):
            if mapping:
                raise StillInUse(
                    f"the mapping {mapping.path} of encrypted volume {volume_id} is still in use: a pod with"
                    " a hostPath of this node keeps its mount, as it was when that pod started"
                )
            # Some pod's copy of the mount, which may stay for ever. All that was written is on the disk.
            log.warning("volume %s is still mounted in another mount namespace of this node", volume_id)
        self._encryption.close(volume_id)
        self._devices.release(volume_id)

    def _shows_file_of(self, mounted: Mount, device: Device) -> bool:
        """Whether the device's file is bound to the mount's path."""
        same_name = os.path.basename(mounted.root) == os.path.basename(device.path)
        return same_name and self._devices.number_at(mounted.path) == device.number

    def _device_deadline(self, deadline: Deadline) -> Deadline:
        return deadline.within(self._device_wait)

    def _opened(self, request: Stage, deadline: Deadline) -> Device:
        """The volume's device, or its mapping where this node encrypts it."""
        device = self._devices.find(request.wanted, self._device_deadline(deadline))
        if request.key is None:
            return device
        opened = self._encryption.open_copy if request.copy else self._encryption.open
        return opened(request.volume_id, device, request.key, request.access.read_only)

    def _mount(self, device: Device, filesystem: Filesystem, request: Stage) -> str:
        in_use = self._devices.has_filesystem_in_use(device) or any(
            mounted.number == device.number for mounted in self._mounts.all()
        )
        if request.access.read_only or in_use:
            fs_type = self._filesystems.existing(device, filesystem.fs_type)
        else:
            fs_type = self._filesystems.prepare(device, filesystem.fs_type)
        options = [*mount_options(fs_type), *filesystem.flags]
        if request.access.read_only:
            options.append("ro")
        if request.access.read_only and request.access.shared:
            self._filesystems.check_clean(device, fs_type)
            options.append(without_recovery(fs_type))
        self._mounts.mount(device.path, request.path, fs_type, list(dict.fromkeys(options)))
        return fs_type

    def _publish_directory(self, request: Publish, filesystem: Filesystem) -> None:
        staged = self._mounts.at(request.staged) if request.staged else None
        if staged is None:
            raise NotStaged(f"volume {request.volume_id} is not staged at {request.staged!r}: stage it first")
        self._device_at(staged, request.wanted.serial)
        _check_same(staged, filesystem, staged.read_only)
        read_only = request.access.read_only or staged.read_only
        published = self._mounts.at(request.path)
        if published is not None:
            self._device_at(published, request.wanted.serial)
            if not _lacks_read_only(published, read_only) or published.root != staged.root:
                _check_same(published, filesystem, read_only)
                return
            self._mounts.unmount(request.path)
        if request.access.single_path:
            self._check_alone(staged.number, staged.root, [request.staged, request.path])
        # A bind without options of its own has those of what it shows, else it has those alone.
        options = ["ro", *sorted(staged.options & _COMPARABLE)] if read_only else []
        self._mounts.bind_directory(request.staged, request.path, options)

    def _publish_device(self, request: Publish) -> None:
        if not request.staged:
            raise NotStaged(f"volume {request.volume_id} has no staging_target_path: stage it first")
        device = self._here(request.wanted)
        if request.encrypted:
            device = self._mapping_of(request.volume_id, device)
        published = self._mounts.at(request.path)
        if published is not None:
            if self._devices.number_at(request.path) != device.number:
                raise MountConflict(f"{request.path} carries {published.source}, not {device.path}")
            if published.read_only and not request.access.read_only:
                raise MountConflict(f"{request.path} is published for reading only")
            if not _lacks_read_only(published, request.access.read_only):
                return
            self._mounts.unmount(request.path)
        if request.access.single_path:
            for other in self._mounts.all():
                if self._shows_file_of(other, device):
                    raise PublishedElsewhere(
                        f"volume {request.volume_id} is published at {other.path} already"
                    )
        self._mounts.bind_device(device.path, request.path, ["ro"] if request.access.read_only else [])

    def _here(self, wanted: Wanted) -> Device:
        """The volume's device if it is here: staging waits for it, and may connect to it."""
        for device in self._devices.of_volume(wanted.serial):
            if wanted.fits(device.size):
                return device
        raise NotStaged(f"volume {wanted.serial} has no device on this node: stage it first")

    def _mapping_of(self, volume_id: str, device: Device) -> Device:
        mapping = self._encryption.at(volume_id)
        if mapping is None or self._devices.below(mapping) != [device]:
            raise NotStaged(f"encrypted volume {volume_id} is not open on this node: stage it first")
        return mapping

    def _device_at(self, mounted: Mount, serial: str) -> Device:
        device = self._devices.by_number(mounted.number)
        if device is None or not self._devices.shows(device, serial):
            raise MountConflict(f"{mounted.path} carries {mounted.source}, which is not volume {serial}")
        return device

    def _check_alone(self, number: str, root: str, own: list[str]) -> None:
        for other in self._mounts.all():
            if (other.number, other.root) == (number, root) and not _shows_one_of(other.path, own):
                raise PublishedElsewhere(
                    f"{own[0]} is published at {other.path} already, and allows one path"
                )


def _shows_one_of(path: str, own: list[str]) -> bool:
    # A folder that is mounted at two places shows each mount below it twice.
    for each in own:
        if os.path.basename(path) == os.path.basename(each):
            try:
                if os.path.samefile(os.path.dirname(path), os.path.dirname(each)):
                    return True
            except OSError:
                continue
    return False


def _check_same(mounted: Mount, filesystem: Filesystem, read_only: bool) -> None:
    if filesystem.fs_type not in ("", mounted.fs_type):
        raise MountConflict(f"{mounted.path} is mounted as {mounted.fs_type}, not {filesystem.fs_type}")
    if mounted.read_only != read_only:
        raise MountConflict(f"{mounted.path} is mounted {_way(mounted.read_only)}, not {_way(read_only)}")
    differing = (mounted.options ^ frozenset(filesystem.flags)) & _COMPARABLE
    if differing:
        raise MountConflict(
            f"{mounted.path} is mounted with other options: they differ in {', '.join(sorted(differing))}"
        )


def _lacks_read_only(published: Mount, wanted: bool) -> bool:
    """Whether a bind was ended half way: mount(8) binds, and makes that read-only by a second call."""
    return wanted and not published.read_only


def _way(read_only: bool) -> str:
    return "for reading only" if read_only else "for reading and writing"
