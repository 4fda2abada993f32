# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when something has looked as it does.

A call whose time runs out is repeated by its sidecar; what the earlier calls saw still counts.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable

from ...plugins.module_utils._cloud.waiting import SYSTEM_CLOCK, Clock

#: What nobody has looked at for so many seconds is forgotten: it may have changed and changed back.
FORGOTTEN_AFTER = 600.0


class Sightings:
    """How each object looked, by its id."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[Hashable, float, float]] = {}

    def unchanged(self, key: str, look: Hashable) -> float:
        """Note how an object looks now. Return the seconds for which it has looked so."""
        now = self._clock.now()
        with self._lock:
            self._seen = {k: seen for k, seen in self._seen.items() if seen[2] > now - FORGOTTEN_AFTER}
            was, since, _last = self._seen.get(key, (None, now, now))
            if was != look:
                since = now
            self._seen[key] = (look, since, now)
        return now - since
