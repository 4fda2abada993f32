# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: snapshots of groups of volumes.

Source: Block Storage API v3, "Group snapshots".
"""

from __future__ import annotations

from . import by_id
from .api import Api
from .errors import Failed, InUse, InvalidRequest, NotFound
from .group import GroupSnapshot, group_snapshot_from_api
from .listing import listed
from .messages import Messages
from .polling import SharedPoller
from .waiting import Deadline, LearnedPace, PaceSource


class GroupSnapshots:
    """Adapter over Cinder's API.

    :param api: Cinder, at 3.14 or later.
    """

    def __init__(self, api: Api, pace: PaceSource | None = None) -> None:
        self._api = api
        self._pace = pace or LearnedPace("group_snapshot_settled", 0.5)
        self._messages = Messages(api)
        self._poller: SharedPoller[GroupSnapshot] = SharedPoller(self.find, self._by_id, api.observer)

    def find(self, group_snapshot_id: str, deadline: Deadline) -> GroupSnapshot | None:
        """Return the group snapshot, None when there is none of that id."""
        found = by_id.shown(self._api, "group_snapshot", group_snapshot_id, deadline)
        return None if found is None else group_snapshot_from_api(found)

    def named(self, name: str, deadline: Deadline) -> list[GroupSnapshot]:
        """Return the group snapshots of exactly that name."""
        return [each for each in self._by_id(deadline).values() if each.name == name]

    def described(self, description: str, deadline: Deadline) -> list[GroupSnapshot]:
        """Return the group snapshots of exactly that description."""
        return [each for each in self._by_id(deadline).values() if each.description == description]

    def create(self, name: str, description: str, group_id: str, deadline: Deadline) -> str:
        """Ask for a snapshot of all volumes of a group, and return its id.

        Each member's snapshot has the name and the description of the group snapshot.

        :raises InUse: the group, or a volume, is in a state that forbids it.
        :raises QuotaExceeded: with Cinder's own reason.
        """
        try:
            body = self._api.request(
                "group_snapshot_create",
                "POST",
                "/group_snapshots",
                f"create group snapshot {name}",
                deadline,
                json={
                    "group_snapshot": {"name": name, "description": description, "group_id": group_id},
                },
            )
        except InvalidRequest as refused:
            raise InUse(refused.message, refused.request_id) from refused
        return str(body["group_snapshot"]["id"])

    def wait_until_usable(self, group_snapshot_id: str, deadline: Deadline) -> GroupSnapshot:
        """Wait until all snapshots of a group snapshot are taken.

        :raises Failed: Cinder could not take one; the message holds its reason.
        :raises NotFound: somebody deleted it meanwhile.
        """

        def judge(now: GroupSnapshot | None) -> GroupSnapshot | None:
            if now is None:
                raise NotFound(f"group snapshot {group_snapshot_id} has been deleted meanwhile")
            if now.ready:
                return now
            if now.status == "creating":
                return None
            raise Failed(f"Cinder could not take {now}: {self._reason(now, deadline)}")

        what = f"group snapshot {group_snapshot_id} to become available"
        return self._poller.wait(group_snapshot_id, judge, what, deadline, self._pace)

    def delete(self, group_snapshot_id: str, deadline: Deadline) -> None:
        """Ask for a group snapshot to be deleted with its members.

        :raises InUse: its state forbids it.
        """
        by_id.delete(self._api, "group_snapshot", group_snapshot_id, deadline)

    def wait_until_gone(self, group_snapshot_id: str, deadline: Deadline) -> None:
        """Wait until a group snapshot that is being deleted does not exist any more.

        :raises Failed: Cinder could not delete it; the message holds its reason.
        """
        by_id.wait_until_gone(
            self._poller,
            "group_snapshot",
            group_snapshot_id,
            lambda now: self._reason(now, deadline),
            deadline,
            self._pace,
        )

    def _reason(self, snapshot: GroupSnapshot, deadline: Deadline) -> str:
        return self._messages.reason(snapshot.id, deadline) or f"its status is {snapshot.status}"

    def _by_id(self, deadline: Deadline) -> dict[str, GroupSnapshot]:
        rows = listed(
            self._api, "group_snapshot_list", "group_snapshots", {}, "list the group snapshots", deadline
        )
        return {snapshot.id: snapshot for snapshot in map(group_snapshot_from_api, rows)}
