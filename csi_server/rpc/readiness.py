# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the program can do its work, and why not."""

from __future__ import annotations

import threading


class Readiness:
    """What each part of the program still lacks. Ready when no part lacks anything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lacks: dict[str, str] = {}

    def lacks(self, part: str, reason: str) -> None:
        with self._lock:
            self._lacks[part] = reason

    def has(self, part: str) -> None:
        with self._lock:
            self._lacks[part] = ""

    def parts(self) -> dict[str, str]:
        """What each part lacks; an empty string for one that is ready."""
        with self._lock:
            return dict(sorted(self._lacks.items()))

    def reasons(self) -> list[str]:
        """One sentence for each part that is not ready; none when all are."""
        return [f"{part}: {reason}" for part, reason in self.parts().items() if reason]
