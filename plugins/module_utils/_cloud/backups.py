# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: backups.

Source: Block Storage API v3, "Backups".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from . import by_id
from .api import Api
from .backup import Backup, BackupRequest, from_api, to_api
from .errors import InUse, InvalidRequest, NotFound, Unavailable
from .listing import listed
from .messages import Messages
from .polling import SharedPoller
from .waiting import Deadline, LearnedPace, PaceSource

#: The first version in which a backup's zone can be chosen.
ZONE_MICROVERSION = "3.51"
#: Seconds in which a cloud's backup service that is down may come back, before that is told.
SERVICE_PATIENCE = 8.0


class Backups:
    """Adapter over Cinder's API.

    :param api: Cinder, at 3.43 or later, the first version in which backups have metadata.
    :param mine: metadata that the caller's backups carry.
    """

    def __init__(self, api: Api, mine: Mapping[str, str], gone: PaceSource | None = None) -> None:
        self._api = api
        self._mine = dict(mine)
        self._gone = gone or LearnedPace("backup_deleted", 0.5)
        self._messages = Messages(api)
        self._poller: SharedPoller[Backup] = SharedPoller(self.find, self._by_id, api.observer)

    def find(self, backup_id: str, deadline: Deadline) -> Backup | None:
        """Return the backup, None when there is none of that id."""
        found = by_id.shown(self._api, "backup", backup_id, deadline)
        return None if found is None else from_api(found)

    def named(self, name: str, deadline: Deadline) -> list[Backup]:
        """Return the backups of exactly that name."""
        found = self._list({"name": name}, f"look for backup {name}", deadline)
        return [backup for backup in found if backup.name == name]

    def all_mine(self, volume_id: str, deadline: Deadline) -> list[Backup]:
        """Return the caller's backups, of one volume or, for an empty id, of all."""
        filters = {"volume_id": volume_id} if volume_id else {}
        found = self._list(filters, "list the backups", deadline)
        # Cinder does not list backups by their metadata.
        return [backup for backup in found if self._mine.items() <= backup.metadata.items()]

    def create(self, request: BackupRequest, deadline: Deadline) -> Backup:
        """Ask for a backup of a snapshot and return it as it is then, hardly ever ready.

        :raises InUse: the snapshot's state forbids it.
        :raises QuotaExceeded: with Cinder's own reason.
        :raises Unavailable: the cloud has no backup service that is up.
        """
        try:
            body = self._api.request(
                "backup_create",
                "POST",
                "/backups",
                f"create backup {request.name} of volume {request.volume_id}",
                deadline.within(SERVICE_PATIENCE),
                json={"backup": to_api(request)},
                microversion=ZONE_MICROVERSION if request.zone else "",
            )
        except InvalidRequest as refused:
            # Cinder answers 400 for every state that it does not like.
            raise InUse(refused.message, refused.request_id) from refused
        except Unavailable as down:
            raise type(down)(
                f"{down.message}; backups need Cinder's backup service", down.request_id
            ) from down
        # The answer to a create request has the id and the name alone.
        made = self.find(body["backup"]["id"], deadline)
        if made is None:
            raise NotFound(f"backup {body['backup']['id']} has been deleted while it was being created")
        return made

    def reason(self, backup: Backup, deadline: Deadline) -> str:
        """Return why a backup failed, in Cinder's words."""
        said = backup.fail_reason or self._messages.reason(backup.id, deadline)
        return said or f"its status is {backup.status}"

    def delete(self, backup_id: str, deadline: Deadline) -> bool:
        """Ask for a backup to be deleted. Return whether there is anything to wait for.

        :raises InUse: the backup's state, or backups that build on it, forbid it.
        """
        return by_id.delete(self._api, "backup", backup_id, deadline)

    def wait_until_gone(self, backup_id: str, deadline: Deadline) -> None:
        """Wait until a backup that is being deleted does not exist any more.

        :raises Failed: Cinder could not delete it; the message holds its reason.
        """
        by_id.wait_until_gone(
            self._poller, "backup", backup_id, lambda now: self.reason(now, deadline), deadline, self._gone
        )

    def _by_id(self, deadline: Deadline) -> dict[str, Backup]:
        return {backup.id: backup for backup in self.all_mine("", deadline)}

    def _list(self, filters: Mapping[str, str | int], action: str, deadline: Deadline) -> Iterator[Backup]:
        for each in listed(self._api, "backup_list", "backups", filters, action, deadline):
            yield from_api(each)
