# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a thread may wait for what has to come before the request that it is about to send.

That is a token, or another credential. Between who knows the deadline and who waits stand the SDK and
keystoneauth, which pass none on; so it goes with the thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from .waiting import Deadline

#: Seconds that a request gets at least: with less, hardly one would be answered.
SHORTEST = 1.0

_UNTIL: ContextVar[Deadline | None] = ContextVar("until", default=None)


@contextlib.contextmanager
def until(deadline: Deadline) -> Iterator[None]:
    """Send, in the block, for somebody who waits until then."""
    before = _UNTIL.set(deadline)
    try:
        yield
    finally:
        _UNTIL.reset(before)


def patience(usual: float) -> Deadline:
    """Return until when somebody waits, ``usual`` seconds from now where nobody said."""
    return _UNTIL.get() or Deadline.after(usual)


def shortened(seconds: float) -> float:
    """Return the seconds that a request which is sent now may take, of those that it usually may."""
    return max(SHORTEST, min(seconds, patience(seconds).left()))
