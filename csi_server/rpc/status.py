# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each error of this program means to a gRPC client: the only such mapping.

Source: CSI specification 1.13, "Error Scheme".
"""

from __future__ import annotations

import grpc

from ...plugins.module_utils._cloud import errors as cloud
from ..host import errors as host
from .pages import BadToken

_Code = grpc.StatusCode

#: An error has the status of its nearest class here, so children need no line of their own.
STATUS: dict[type[Exception], grpc.StatusCode] = {
    cloud.NotFound: _Code.NOT_FOUND,
    cloud.Conflict: _Code.ALREADY_EXISTS,
    cloud.InUse: _Code.FAILED_PRECONDITION,
    cloud.InvalidRequest: _Code.INVALID_ARGUMENT,
    cloud.OutOfRange: _Code.OUT_OF_RANGE,
    cloud.QuotaExceeded: _Code.RESOURCE_EXHAUSTED,
    cloud.OutOfCapacity: _Code.RESOURCE_EXHAUSTED,
    cloud.Forbidden: _Code.PERMISSION_DENIED,
    cloud.Busy: _Code.ABORTED,
    BadToken: _Code.ABORTED,
    cloud.Timeout: _Code.DEADLINE_EXCEEDED,
    cloud.Unavailable: _Code.UNAVAILABLE,
    cloud.CloudError: _Code.INTERNAL,
    host.CommandTimedOut: _Code.DEADLINE_EXCEEDED,
    host.StillInUse: _Code.ABORTED,
    host.DeviceNotReady: _Code.UNAVAILABLE,
    host.InvalidHostRequest: _Code.INVALID_ARGUMENT,
    host.MountConflict: _Code.ALREADY_EXISTS,
    host.TargetMissing: _Code.NOT_FOUND,
    host.Refused: _Code.FAILED_PRECONDITION,
    host.HostError: _Code.INTERNAL,
    # What the generated base classes raise for a method that a driver does not have.
    NotImplementedError: _Code.UNIMPLEMENTED,
}


def is_foreseen(error: Exception) -> bool:
    """Say whether an error is of this program, so that its text is meant to be read."""
    return any(kind in STATUS for kind in type(error).__mro__)


def status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """Return an error's status and the text that the client may read.

    An error that is not of this program says nothing but its class: its text may hold anything.
    """
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind], str(error)
    return _Code.INTERNAL, f"unexpected {type(error).__name__}: see the driver's log"
