# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: which names the volumes of a project have, for many who are about to use one."""

from __future__ import annotations

from dataclasses import replace

from .api import Api
from .listing import summaries
from .shared_listing import Crowd, Pause, SharedListing
from .waiting import SYSTEM_CLOCK, Clock, Deadline

#: Seconds between two listings, at most: a request for one name alone would be answered at once, so nobody
#: waits longer for others to join.
LONGEST_PAUSE = 0.6


class VolumeNames:
    """The names of all volumes of a project, those of others too.

    :param crowd: those who ask about volumes now: in a crowd, one listing answers for many names.
    """

    def __init__(self, api: Api, crowd: Crowd, pause: Pause, clock: Clock = SYSTEM_CLOCK) -> None:
        self._api = api
        self._crowd = crowd
        self._clock = clock
        short = replace(pause, longest=min(pause.longest, LONGEST_PAUSE))
        self._listing: SharedListing[frozenset[str]] = SharedListing(self._all, frozenset(), short, clock)

    def is_surely_free(self, name: str, deadline: Deadline) -> bool:
        """Say whether a listing that was asked for after this call began lacks a name.

        Without a crowd nothing is asked, and so nothing is sure.
        """
        since = self._clock.now()
        if not self._listing.is_worth(self._crowd.size()):
            return False
        listing = self._listing.asked_since(since, deadline)
        if listing is None:
            return False
        self._listing.ended_a_wait()
        return name not in listing.rows

    def _all(self, deadline: Deadline) -> frozenset[str]:
        rows = summaries(self._api, "volume_list", "volumes", "list the names of the volumes", deadline)
        return frozenset(row["name"] for row in rows if row["name"])
