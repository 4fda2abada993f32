# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the program can do its work, and why not."""

from __future__ import annotations

import threading


class Readiness:
    """What each part of the program still lacks, and whether the program can do without it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lacks: dict[str, str] = {}
        self._dispensable: set[str] = set()

    def lacks(self, part: str, reason: str) -> None:
        with self._lock:
            self._lacks[part] = reason
            self._dispensable.discard(part)

    def remarks(self, part: str, reason: str) -> None:
        """Note what a part lacks, where the program does its work all the same."""
        with self._lock:
            self._lacks[part] = reason
            self._dispensable.add(part)

    def has(self, part: str) -> None:
        with self._lock:
            self._lacks[part] = ""

    def forget(self, part: str) -> None:
        """There is no such part any more."""
        with self._lock:
            self._lacks.pop(part, None)

    def parts(self) -> dict[str, str]:
        """What each part lacks; an empty string for one that is ready."""
        with self._lock:
            return dict(sorted(self._lacks.items()))

    def reasons(self) -> list[str]:
        """One sentence for each part that keeps the program from being ready; none when it is."""
        return [f"{part}: {reason}" for part, reason in self._lacking() if part not in self._dispensable]

    def remarked(self) -> list[str]:
        """One sentence for each part that lacks something that the program can do without."""
        return [f"{part}: {reason}" for part, reason in self._lacking() if part in self._dispensable]

    def _lacking(self) -> list[tuple[str, str]]:
        return [(part, reason) for part, reason in self.parts().items() if reason]
