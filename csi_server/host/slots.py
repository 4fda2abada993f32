# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of this machine that are none of Kubernetes' volumes, and take places that those could have."""

from __future__ import annotations

import os
from collections.abc import Iterator

from .devices import Device, Devices
from .holders import has_filesystem_in_use, numbers_on
from .mounts import Mounts

#: The kubelet's folders of CSI volumes: staged, and published to pods.
_KUBELET_FOLDERS = ("/kubernetes.io/csi/", "/kubernetes.io~csi/")


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
        numbers = set(numbers_on(self._sys, disk.number))
        if numbers & for_pods:
            return True
        mounted = bool(numbers & elsewhere) or any(
            has_filesystem_in_use(self._sys, number) for number in numbers
        )
        return not mounted and self._devices.looks_like_a_volume(disk)

    def _real_disks(self) -> Iterator[Device]:
        """Disks without drives of removable media."""
        for disk in self._devices.physical():
            if not os.path.basename(disk.path).startswith(("sr", "fd")):
                yield disk
