# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests meet which fault."""

from __future__ import annotations

import enum
import random
import re
import threading
from collections import Counter

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Fault(enum.Enum):
    """What can happen to a request, and how often each happens beside the others."""

    ERROR = "500, not done", 4
    ERROR_AFTER = "500, done", 4
    UNAVAILABLE = "503 with Retry-After, not done", 3
    TOO_MANY = "429, not done", 3
    FOREIGN = "404 of a proxy, not done", 3
    REVOKED = "401 for a good token, not done", 2
    RESET = "connection reset, not done", 4
    RESET_AFTER = "connection reset, done", 4
    CUT_OFF = "answer cut off, done", 3
    GARBLED = "answer is not JSON, done", 2
    SILENCE = "no answer, not done", 1
    SILENCE_AFTER = "no answer, done", 1
    SLOW = "slow answer", 3
    ODD_STATUS = "odd status shown for a while", 6

    def __init__(self, words: str, weight: int) -> None:
        self.words = words
        self.weight = weight


#: Statuses that Cinder's objects can have, and that nobody expects here.
ODD_STATUSES = (
    "error",
    "error_deleting",
    "deleting",
    "maintenance",
    "awaiting-transfer",
    "unheard-of",
)


class Faults:
    """A fixed number of faults, drawn from a seed.

    The n-th request of a kind (method and path without ids) draws the same in every run; how the
    kinds interleave depends on the machine.

    :param rate: the share of requests that meet a fault.
    """

    def __init__(self, seed: int, total: int, rate: float) -> None:
        self._seed = seed
        self._total = total
        self._rate = rate
        self._lock = threading.Lock()
        self._streams: dict[str, random.Random] = {}
        self._odd: dict[str, tuple[str, int]] = {}
        self.happened: Counter[Fault] = Counter()

    def spent(self) -> bool:
        """Say whether all of them have happened."""
        return self.happened.total() >= self._total

    def draw(self, method: str, path: str) -> Fault | None:
        """Return what happens to the next request of this kind; it counts as having happened."""
        kind = f"{method} {_ID.sub('ID', path.partition('?')[0])}"
        with self._lock:
            if self.spent():
                return None
            stream = self._streams.setdefault(kind, random.Random(f"{self._seed} {kind}"))
            struck = stream.random() < self._rate
            known = [fault for fault in Fault if fault is not Fault.ODD_STATUS]
            [fault] = stream.choices(known, [fault.weight for fault in known])
            if not struck:
                return None
            self.happened[fault] += 1
            return fault

    def status(self, kind: str, object_id: str, true_status: str) -> str:
        """Return the status that an answer shows for an object.

        :param kind: of the object, such as ``volume``.
        """
        with self._lock:
            if object_id not in self._odd and not self.spent():
                stream = self._streams.setdefault(kind, random.Random(f"{self._seed} {kind}"))
                if stream.random() < self._rate * Fault.ODD_STATUS.weight / _WEIGHTS:
                    self._odd[object_id] = stream.choice(ODD_STATUSES), stream.randint(1, 4)
                    self.happened[Fault.ODD_STATUS] += 1
            status, times = self._odd.get(object_id, (true_status, 0))
            if times > 1:
                self._odd[object_id] = status, times - 1
            else:
                self._odd.pop(object_id, None)
            return status


_WEIGHTS = sum(fault.weight for fault in Fault)
