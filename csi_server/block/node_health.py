# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a volume as this node sees it: its disk, and the filesystem mounted from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from ..host import health as host_health
from ..host import statistics
from ..host.devices import Device, Devices
from ..host.encryption import has_lost_disk
from ..host.errors import HostError, TargetMissing
from ..host.health import Health
from ..host.mounts import Mount, Mounts
from ..host.statistics import Statistics
from ..proto import csi_pb2 as csi
from .health import Problem


class NodeHealth:
    """Looks at the volumes of this machine."""

    def __init__(
        self,
        devices: Devices,
        mounts: Mounts,
        health: Health,
        measure: Callable[[str], Statistics] = statistics.of_filesystem,
    ) -> None:
        self._devices = devices
        self._mounts = mounts
        self._health = health
        self._measure = measure

    def of_volume(self, volume_id: str, paths: Sequence[str]) -> list[Problem]:
        """Return what is wrong with a volume.

        :param paths: where it is staged or published, or should be.
        :raises TargetMissing: nothing of it is here, and it is not said that it should be.
        """
        for path in paths:
            mounted = self._mounts.at(path)
            number = self._devices.number_at(path) or (mounted.number if mounted else "")
            if number:
                return self._at(volume_id, path, number, mounted)
        device = next((each for each in self._devices.linked(volume_id) if self._is(each, volume_id)), None)
        if device is not None:
            return list(self._of_disk(device))
        if not paths:
            raise TargetMissing(f"volume {volume_id} is not on this node")
        return [Problem(csi.INACCESSIBLE, "DeviceMissing", f"volume {volume_id} has no disk on this node")]

    def of_storage(self) -> list[str]:
        """Return a sentence about each disk of the machine that does not work."""
        return [f"disk {name} is {state}" for name, state in self._health.disks_in_trouble()]

    def _at(self, volume_id: str, path: str, number: str, mounted: Mount | None) -> list[Problem]:
        device = self._devices.by_number(number)
        if device is None or has_lost_disk(self._devices, volume_id, device):
            message = f"the disk of volume {volume_id} has gone while it was in use at {path}"
            return [Problem(csi.INACCESSIBLE, "DeviceGone", message)]
        if not self._is(device, volume_id):
            raise TargetMissing(f"volume {volume_id} is not at {path!r}")
        problems = list(self._of_disk(device))
        if mounted is not None and mounted.number == number:
            problems.extend(self._of_filesystem(device, mounted))
        return problems

    def _is(self, device: Device, volume_id: str) -> bool:
        return self._devices.shows(device, volume_id)

    def _of_disk(self, device: Device) -> Iterator[Problem]:
        name = os.path.basename(device.path)
        below = [list(self._of_disk(each)) for each in self._devices.below(device)]
        found = [problem for each in below for problem in each]
        if all(below):
            yield from found
        elif found:
            bad = sum(map(bool, below))
            message = "; ".join(problem.message for problem in found)
            yield Problem(
                csi.DEGRADED, "PathsOffline", f"{bad} of {len(below)} paths of disk {name}: {message}"
            )
        if device.size == 0:
            yield Problem(
                csi.INACCESSIBLE, "DeviceEmpty", f"disk {name} has no size: its back end has left it"
            )
        if trouble := self._health.trouble_of(device):
            yield Problem(csi.INACCESSIBLE, "DeviceOffline", f"disk {name} is {trouble}")

    def _of_filesystem(self, device: Device, mounted: Mount) -> Iterator[Problem]:
        if failure := host_health.failure_at(mounted.path):
            message = f"the {mounted.fs_type} filesystem answers no more: {failure}"
            yield Problem(csi.INACCESSIBLE, "FilesystemShutDown", message)
            return
        errors = self._health.errors_of(device)
        if mounted.filesystem_read_only and not self._asked_for_reading(mounted):
            yield Problem(
                csi.INACCESSIBLE,
                "FilesystemReadOnly",
                f"the {mounted.fs_type} filesystem takes no writes any more: the kernel found errors",
            )
        elif errors:
            yield Problem(
                csi.DEGRADED,
                "FilesystemErrors",
                f"{mounted.fs_type} has found {errors} errors since it was checked",
            )
        if self._size_of(mounted.path) > device.size > 0:
            message = f"the {mounted.fs_type} filesystem is larger than its disk of {device.size} bytes"
            yield Problem(csi.DATA_LOSS, "DeviceTooSmall", message)

    def _asked_for_reading(self, mounted: Mount) -> bool:
        """A filesystem that was mounted for reading has no mount that is for writing."""
        return not any(each.number == mounted.number and not each.read_only for each in self._mounts.all())

    def _size_of(self, path: str) -> int:
        try:
            return self._measure(path).bytes.total
        except HostError:
            return 0
