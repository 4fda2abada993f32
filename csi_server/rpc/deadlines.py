# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the caller of an RPC waits."""

from __future__ import annotations

import math
import threading

import grpc

from ...plugins.module_utils._cloud.waiting import SYSTEM_CLOCK, Deadline

#: For callers that set no deadline; the sidecars all do.
DEFAULT_SECONDS = 120.0
#: Kept back so that an answer, even that of a timeout, reaches the caller.
MARGIN = 0.25
LONGEST = 3600.0


class _CallersClock:
    """The machine's clock for as long as the caller waits; then it is past every moment.

    What is asked for after that is made beside what others ask for in the caller's place: a provisioner
    that has lost its lease, say.
    """

    def __init__(self) -> None:
        self._gone = threading.Event()

    def stop(self) -> None:
        self._gone.set()

    def now(self) -> float:
        return math.inf if self._gone.is_set() else SYSTEM_CLOCK.now()

    def sleep(self, seconds: float) -> None:
        self._gone.wait(seconds)


def deadline_of(context: grpc.ServicerContext) -> Deadline:
    """Return the moment by which an answer must be on its way: that at which the caller goes, if sooner."""
    clock = _CallersClock()
    if not context.add_callback(clock.stop):
        clock.stop()
    left = context.time_remaining()
    # The stubs promise a float: without a deadline it is None, or the seconds until the end of time.
    if left is None or left > LONGEST:  # type: ignore[redundant-expr]
        return Deadline.after(DEFAULT_SECONDS, clock)
    return Deadline.after(max(0.0, left - MARGIN), clock)
