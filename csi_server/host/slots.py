# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of this machine that are none of Kubernetes' volumes, and take places that those could have."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .devices import Device, Devices
from .mounts import Mounts

#: How a volume's id begins, as far as every bus shows it.
_VOLUME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]")
#: The kubelet's folders of CSI volumes: staged, and published to pods.
_KUBELET_FOLDERS = ("/kubernetes.io/csi/", "/kubernetes.io~csi/")

#: Filesystems with a folder in sysfs for each device that they are mounted from.
_SHOWN_IN_SYSFS = ("ext4", "xfs", "f2fs")


class Slots:
    """Counts disks.

    :param sys: where sysfs is mounted.
    """

    def __init__(self, devices: Devices, mounts: Mounts, sys: str = "/sys") -> None:
        self._devices = devices
        self._mounts = mounts
        self._sys = sys

    def taken_by_others(self) -> int:
        """Return how many disks are the machine's own, or were attached by somebody else.

        A disk is a volume of Kubernetes' when the kubelet has it mounted, or when its serial is a volume's
        id and nothing else has it mounted: it has just come, or is raw.
        """
        for_pods: set[str] = set()
        elsewhere: set[str] = set()
        for mount in self._mounts.all():
            of_kubelet = any(folder in mount.path for folder in _KUBELET_FOLDERS)
            (for_pods if of_kubelet else elsewhere).add(mount.number)
        return sum(not self._is_volume(disk, for_pods, elsewhere) for disk in self._real_disks())

    def _is_volume(self, disk: Device, for_pods: set[str], elsewhere: set[str]) -> bool:
        numbers = set(self._numbers_on(os.path.join(self._sys, "dev", "block", disk.number)))
        if numbers & for_pods:
            return True
        mounted = bool(numbers & elsewhere) or any(map(self._has_filesystem_in_use, numbers))
        return not mounted and any(map(_VOLUME.match, self._devices.identities(disk)))

    def _has_filesystem_in_use(self, number: str) -> bool:
        """Whether it is mounted anywhere, in the mount namespaces that this process does not see as well."""
        name = os.path.basename(os.path.realpath(os.path.join(self._sys, "dev", "block", number)))
        return any(os.path.exists(os.path.join(self._sys, "fs", kind, name)) for kind in _SHOWN_IN_SYSFS)

    def _real_disks(self) -> Iterator[Device]:
        """Disks without those that the kernel makes up (loop, dm, md...) and drives of removable media."""
        for disk in self._devices.all():
            folder = os.path.realpath(os.path.join(self._sys, "dev", "block", disk.number))
            if "/devices/virtual/" not in folder and not os.path.basename(folder).startswith(("sr", "fd")):
                yield disk

    def _numbers_on(self, folder: str) -> Iterator[str]:
        """The numbers of a device, of its partitions, and of what is made of any of them."""
        try:
            with open(os.path.join(folder, "dev"), encoding="ascii") as file:
                yield file.read().strip()
            entries = [os.path.join(folder, name) for name in os.listdir(folder)]
        except OSError:
            return
        holders = os.path.join(folder, "holders")
        if os.path.isdir(holders):
            entries += [os.path.join(holders, name) for name in os.listdir(holders)]
        for entry in entries:
            partition = os.path.exists(os.path.join(entry, "partition"))
            if partition or os.path.dirname(entry) == holders:
                yield from self._numbers_on(entry)
