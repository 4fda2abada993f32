# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a cloud, in the words of this collection.

Everything above the adapters sees only these errors: never an exception of the SDK.
"""

from __future__ import annotations


class CloudError(Exception):
    """A call to OpenStack failed.

    :ivar message: one sentence for a person; holds the service's own words where it gave any.
    :ivar request_id: OpenStack's request id (``req-...``), or an empty string.
    """

    def __init__(self, message: str, request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.message} (request {self.request_id})" if self.request_id else self.message


class NotFound(CloudError):
    """The object of the call does not exist."""


class Conflict(CloudError):
    """The object exists already, with other properties than those asked for."""


class InUse(Conflict):
    """The object is attached, has dependants, or is in a state that forbids the call."""


class HasSnapshots(InUse):
    """The volume cannot be deleted before its snapshots are."""


class InvalidRequest(CloudError):
    """The service refuses the request as such: repeating it cannot help."""


class OutOfRange(InvalidRequest):
    """A number of the request lies outside of what is possible."""


class ZoneRefused(InvalidRequest):
    """The object cannot be in the availability zone asked for; in another it may."""


class QuotaExceeded(CloudError):
    """The project's quota does not allow it."""


class OutOfCapacity(CloudError):
    """No back end, or no node, has room for it."""


class Forbidden(CloudError):
    """The credential lacks the rights."""


class Busy(CloudError):
    """Something else works on the object: repeat later."""


class Timeout(CloudError):
    """The deadline passed; the operation may still complete."""


class Unavailable(CloudError):
    """The service does not answer, or answers that it cannot: what was asked for may have been done."""


class Unanswered(Unavailable):
    """The connection failed, or no answer came, be it to a proxy before the service."""


class CredentialRefused(Unavailable):
    """The credential is refused: nothing can be said of the object until there is another one."""


class Failed(CloudError):
    """The service took the request and then reported that the operation failed."""
