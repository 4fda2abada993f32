# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Node service needs of the machine it runs on."""

from __future__ import annotations

from typing import Protocol

from ...plugins.module_utils._cloud.waiting import Deadline
from ..host.statistics import Statistics
from .node_requests import Expand, Publish, Stage


class BlockNode(Protocol):
    """Brings volumes to paths and away again. Every method may be repeated; errors are HostErrors."""

    def stage(self, request: Stage, deadline: Deadline) -> None:
        """Mount the volume at its staging path, its filesystem as large as its device; look for a raw volume.

        What a call has begun and cannot finish is undone, unless the kubelet asks again after its error.

        :raises DeviceNotReady: its device is not here by the deadline.
        :raises CommandTimedOut: a program took too long, and may have done it all the same.
        :raises Refused: the device is another's, or carries something else, or the key does not open it.
        :raises MountConflict: the path is taken by another volume, or mounted otherwise.
        """

    def unstage(self, volume_id: str, path: str) -> None:
        """Unmount what is staged at ``path``, close the volume if it is encrypted, let go of its device.

        :raises StillInUse: it is published, or encrypted and in use elsewhere on the node.
        """

    def publish(self, request: Publish) -> None:
        """Show the staged volume at the target path.

        :raises NotStaged: there is no staged volume.
        :raises PublishedElsewhere: the volume allows one path and has another.
        :raises MountConflict: the path is taken by another volume, or mounted otherwise.
        """

    def unpublish(self, path: str) -> None:
        """Take the volume away from ``path``, and the path with it."""

    def statistics(self, volume_id: str, path: str) -> Statistics:
        """Measure the volume at ``path``, staged or published.

        Of a filesystem that answers no more, its disk's size is known; of one whose disk has gone, nothing.

        :raises TargetMissing: the volume is not there.
        """

    def expand(self, request: Expand, deadline: Deadline) -> int:
        """Let the volume have its new size here, and its filesystem with it. Return the device's bytes.

        :raises TargetMissing: the volume is not at the path.
        :raises DeviceNotReady: its device has not grown by the deadline.
        :raises Refused: it is mounted for reading only.
        """
