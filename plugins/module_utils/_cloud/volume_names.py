# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: which names the volumes of a project have, for many who are about to use one."""

from __future__ import annotations

from .api import Api
from .listing import summaries
from .shared_listing import Crowd, Pause, SharedListing
from .waiting import SYSTEM_CLOCK, Deadline


class VolumeNames:
    """The names of all volumes of a project, those of others too.

    :param crowd: those who ask about volumes now: in a crowd, one listing answers for many names.
    """

    def __init__(self, api: Api, crowd: Crowd, pause: Pause) -> None:
        self._api = api
        self._crowd = crowd
        self._listing: SharedListing[frozenset[str]] = SharedListing(self._all, frozenset(), pause)

    def is_surely_free(self, name: str, deadline: Deadline) -> bool:
        """Say whether a listing that was asked for after this call began lacks a name.

        Without a crowd nothing is asked, and so nothing is sure.
        """
        since = SYSTEM_CLOCK.now()
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
