# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pace for tests, which must be the same each time."""

from __future__ import annotations

from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Pace


class SteadyPace:
    """A pace that stays as it is."""

    kind = "steady"

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def pace(self) -> Pace:
        return self._pace

    def learn(self, looks: int, seconds: float) -> None:
        """Nothing is learned."""
