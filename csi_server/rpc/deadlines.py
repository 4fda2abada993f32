# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the caller of an RPC waits."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import grpc

from ...plugins.module_utils._cloud.waiting import Deadline

#: For callers that set no deadline; the sidecars all do.
DEFAULT_SECONDS = 120.0
#: Kept back so that an answer, even that of a timeout, reaches the caller.
MARGIN = 0.25
LONGEST = 3600.0


@dataclass(frozen=True)
class CallersDeadline(Deadline):
    """A deadline that has passed as soon as the caller has gone.

    What is asked for after that is made beside what others ask for in the caller's place: a provisioner
    that has lost its lease, say.
    """

    gone: threading.Event = field(default_factory=threading.Event)

    def left(self) -> float:
        return 0.0 if self.gone.is_set() else super().left()

    def passed(self) -> bool:
        return self.gone.is_set() or super().passed()

    def sleep(self, seconds: float) -> None:
        self.gone.wait(min(seconds, self.left()))


def deadline_of(context: grpc.ServicerContext) -> CallersDeadline:
    """Return the moment by which an answer must be on its way: that at which the caller goes, if sooner."""
    left = context.time_remaining()
    # The stubs promise a float: without a deadline it is None, or the seconds until the end of time.
    unlimited = left is None or left > LONGEST  # type: ignore[redundant-expr]
    deadline = CallersDeadline.after(DEFAULT_SECONDS if unlimited else max(0.0, left - MARGIN))
    if not context.add_callback(deadline.gone.set):
        deadline.gone.set()
    return deadline
