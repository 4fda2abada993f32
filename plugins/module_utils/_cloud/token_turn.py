# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens: one thread gets one, for all."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .errors import CloudError, Timeout, Unanswered, Unavailable
from .waiting import SYSTEM_CLOCK, Clock, Deadline

#: Seconds for which the failure of one request for a token is that of the others.
SHARED = 1.0


class TokenTurn:
    """One thread at a time asks Keystone; the others wait for what it gets, each as long as it may.

    What it gets may be a failure. Those who waited for it take it as theirs, instead of asking a Keystone
    that hangs one after the other, or one that refuses the credential once for every thread.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._failure: CloudError | None = None
        self._failed_at = float("-inf")

    def take(
        self, is_needed: Callable[[], bool], fetch: Callable[[], None], deadline: Deadline, longest: float
    ) -> None:
        """Have a token fetched, if one is needed still when it is this thread's turn.

        :param fetch: gives up after ``longest`` seconds, and soon after the deadline.
        :raises Timeout: others were asking until the deadline.
        :raises CloudError: from ``fetch``, or from that of another thread a moment ago. Never Unanswered:
            what the token is for has not been sent.
        """
        if not is_needed():
            return
        if not self._turn.acquire(timeout=deadline.left()):
            raise Timeout("cannot get a token from Keystone: a request for one is not answered in time")
        try:
            if is_needed():
                self._fetch(fetch, deadline, longest)
        finally:
            self._turn.release()

    def _fetch(self, fetch: Callable[[], None], deadline: Deadline, longest: float) -> None:
        if self._failure is not None and self._clock.now() - self._failed_at < SHARED:
            raise type(self._failure)(self._failure.message, self._failure.request_id)
        self._failure = None
        in_a_hurry = deadline.left() < longest
        try:
            fetch()
        except Unanswered as silence:
            failure = Unavailable(silence.message, silence.request_id)
            # One who could wait for a moment only says nothing of those who have time.
            if not in_a_hurry:
                self._note(failure)
            raise failure from silence
        except CloudError as failed:
            self._note(failed)
            raise

    def _note(self, failure: CloudError) -> None:
        self._failure, self._failed_at = failure, self._clock.now()
