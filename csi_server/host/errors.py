# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong on a node. The docstring of each class says its gRPC status; children inherit it."""

from __future__ import annotations


class HostError(Exception):
    """Something failed on the node itself: INTERNAL.

    :ivar message: one sentence for a person.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class CommandFailed(HostError):
    """A program of the node failed, or was not there: INTERNAL."""


class CommandTimedOut(CommandFailed):
    """A program did not end in time: DEADLINE_EXCEEDED.

    What it asked of the kernel may still be done. With INTERNAL the kubelet would take the volume as surely
    not staged, and never unstage it.
    """


class StillInUse(HostError):
    """The volume is published, or its mapping is in use: ABORTED. Asked again, it may be free."""


class DeviceNotReady(HostError):
    """The volume's device, or its new size, is not here, and may still come: UNAVAILABLE.

    The specification's NOT_FOUND says that the volume does not exist, which a node cannot know. With
    UNAVAILABLE the kubelet repeats the call and treats the volume as possibly staged meanwhile.
    """


class InvalidHostRequest(HostError):
    """What was asked for can never be done on a node: INVALID_ARGUMENT."""


class MountConflict(HostError):
    """The path carries another volume, or this one mounted in another way: ALREADY_EXISTS."""


class TargetMissing(HostError):
    """The volume is not at this path: NOT_FOUND."""


class Refused(HostError):
    """The state of the volume or of the node forbids it: FAILED_PRECONDITION."""


class DeviceMismatch(Refused):
    """A device goes by the volume's name, but its own serial or its size is another's."""


class UnknownSignature(Refused):
    """The device carries something else than the filesystem asked for, so it is not formatted."""


class NotClean(Refused):
    """The filesystem has a journal to replay, which takes writes, and the volume may only be read."""


class WriteProtected(Refused):
    """The disk takes no writes, and the volume is to be written to."""


class WrongKey(Refused):
    """The key does not open the encrypted volume."""


class NotStaged(Refused):
    """The volume has to be staged before it is published."""


class PublishedElsewhere(Refused):
    """The volume allows one path, and has it."""
