# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found true a moment ago.

The sidecars repeat a call that has just succeeded when their view of the cluster lags behind. What
the answer to the first call said is still so; asking the cloud again would only cost requests.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from ...plugins.module_utils._cloud.waiting import SYSTEM_CLOCK, Clock

#: Seconds for which a sidecar may ask again for what has just been done.
STILL_TRUE = 5.0

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key, each for some seconds."""

    def __init__(self, seconds: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[K, tuple[float, V]] = {}

    def put(self, key: K, value: V) -> None:
        now = self._clock.now()
        with self._lock:
            self._values = {k: kept for k, kept in self._values.items() if kept[0] > now}
            self._values[key] = (now + self._seconds, value)

    def get(self, key: K) -> V | None:
        with self._lock:
            kept = self._values.get(key)
        return kept[1] if kept is not None and kept[0] > self._clock.now() else None

    def drop(self, key: K) -> None:
        with self._lock:
            self._values.pop(key, None)
