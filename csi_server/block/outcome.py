# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed creation may say.

The sidecars repeat a creation that failed as unfinished until it succeeds, or fails otherwise. From
any other failure they conclude that nothing was made, and nobody ever asks for its deletion.

Source: CSI specification 1.13, "CreateVolume Errors"; external-provisioner and external-snapshotter,
"final errors".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...plugins.module_utils._cloud.errors import Busy, CloudError, Timeout, Unanswered, Unavailable
from ...plugins.module_utils._cloud.waiting import SYSTEM_CLOCK, Clock
from .recent import Recent

#: After these the sidecars ask again: what was asked for may be there, or come.
UNFINISHED = (Busy, Timeout, Unavailable)
#: Seconds for which what was handed out is not taken for what failed, whatever its status.
STAYS_HANDED_OUT = 3600.0
#: Seconds after which a request whose answer was lost is not carried out any more.
STILL_COMING = 15.0


@contextmanager
def removing(what: object, failure: CloudError) -> Iterator[None]:
    """Remove, in the block, what a failed creation left.

    :raises Unavailable: that failed too, so the creation is not over.
    """
    try:
        yield
    except CloudError as second:
        raise Unavailable(f"{failure}; {what} is not removed yet: {second}") from failure


class HandedOut:
    """What callers have been given: it may be in use by now, so none of it is taken for what failed."""

    def __init__(self) -> None:
        self._ids: Recent[str, bool] = Recent(STAYS_HANDED_OUT)

    def put(self, object_id: str) -> None:
        self._ids.put(object_id, True)

    def has(self, object_id: str) -> bool:
        return bool(self._ids.get(object_id))

    def check(self, object_id: str, was_made: str, failure: CloudError) -> None:
        """Check that what is shown as failed may be removed.

        :param was_made: what it was, in words such as ``volume 1 was made before``.
        :raises Busy: it was handed out.
        """
        if self.has(object_id):
            raise Busy(f"{was_made}, and is not usable now: {failure}") from failure


class Askings:
    """Requests for new objects of one kind: none is made while an earlier one may still be carried out.

    A cloud that is overloaded may carry out a request long after its sender gave it up; until then a
    look for its object finds nothing, and a second request would make a second object.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._lost: Recent[str, bool] = Recent(STILL_COMING, clock)

    def check(self, name: str) -> None:
        """Check that the object of that name may be asked for.

        :raises Busy: the answer to an earlier request for it was lost a moment ago.
        """
        if self._lost.get(name):
            raise Busy(f"the answer to the request for {name} was lost: it may still be carried out")

    @contextmanager
    def asking(self, name: str) -> Iterator[None]:
        """Ask, in the block, for the object of that name, which was looked for and is not there.

        :raises Busy: see check.
        """
        self.check(name)
        try:
            yield
        except Unanswered:
            self._lost.put(name, True)
            raise
