# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: groups of volumes.

Source: Block Storage API v3, "Generic volume groups", "Group types".
"""

from __future__ import annotations

from collections.abc import Iterable

from . import by_id
from .api import Api
from .errors import Failed, InUse, InvalidRequest, NotFound
from .group import Group, GroupRequest, GroupType, group_from_api, group_type_from_api, to_api
from .listing import PAGE_SIZE, listed
from .messages import Messages
from .paths import segment
from .polling import SharedPoller
from .waiting import Deadline, LearnedPace, PaceSource

#: Cinder tells a group's volumes only when asked to.
WITH_VOLUMES = {"list_volume": "true"}


class Groups:
    """Adapter over Cinder's API.

    :param api: Cinder, at 3.25 or later, the first version that tells a group's volumes.
    """

    def __init__(self, api: Api, pace: PaceSource | None = None) -> None:
        self._api = api
        self._pace = pace or LearnedPace("group_settled", 0.4)
        self._messages = Messages(api)
        self._poller: SharedPoller[Group] = SharedPoller(self.find, self._by_id, api.observer)

    def find(self, group_id: str, deadline: Deadline) -> Group | None:
        """Return the group, None when there is none of that id."""
        found = by_id.shown(self._api, "group", group_id, deadline, WITH_VOLUMES)
        return None if found is None else group_from_api(found)

    def named(self, name: str, deadline: Deadline) -> list[Group]:
        """Return the groups of exactly that name."""
        return [group for group in self._by_id(deadline).values() if group.name == name]

    def types(self, deadline: Deadline) -> list[GroupType]:
        """Return the group types that the credential sees."""
        body = self._api.request(
            "group_type_list",
            "GET",
            "/group_types",
            "list the group types",
            deadline,
            # Without is_public=None Cinder leaves out private types.
            params={"is_public": "None", "limit": PAGE_SIZE},
        )
        return [group_type_from_api(each) for each in body["group_types"]]

    def create(self, request: GroupRequest, deadline: Deadline) -> str:
        """Ask for a group and return its id.

        :raises InvalidRequest: no such group type, volume type or zone.
        :raises QuotaExceeded: with Cinder's own reason.
        """
        try:
            body = self._api.request(
                "group_create",
                "POST",
                "/groups",
                f"create group {request.name}",
                deadline,
                json={"group": to_api(request)},
            )
        except NotFound as missing:
            raise InvalidRequest(missing.message, missing.request_id) from missing
        return str(body["group"]["id"])

    def change(
        self, group_id: str, add: Iterable[str], remove: Iterable[str], name: str, deadline: Deadline
    ) -> None:
        """Ask for volumes to be put into a group and taken out of it, and for a name.

        :param add, remove: ids of volumes.
        :raises InUse: a volume is in another group, on another back end, of a type that is none of the
            group's, or in a state that forbids it.
        """
        body = {
            "name": name,
            "add_volumes": ",".join(sorted(add)),
            "remove_volumes": ",".join(sorted(remove)),
        }
        try:
            self._api.request(
                "group_update",
                "PUT",
                f"/groups/{segment(group_id)}",
                f"change the volumes of group {group_id}",
                deadline,
                json={"group": {key: value for key, value in body.items() if value}},
            )
        except InvalidRequest as refused:
            raise InUse(refused.message, refused.request_id) from refused

    def wait_until_settled(self, group_id: str, deadline: Deadline) -> Group:
        """Wait until a group is made, or its volumes are changed.

        :raises Failed: Cinder could not do it; the message holds its reason.
        :raises NotFound: somebody deleted it meanwhile.
        """

        def judge(now: Group | None) -> Group | None:
            if now is None:
                raise NotFound(f"group {group_id} has been deleted meanwhile")
            if now.status == "available":
                return now
            if now.status in ("creating", "updating"):
                return None
            raise Failed(f"Cinder could not make or change {now}: {self._reason(now, deadline)}")

        return self._poller.wait(group_id, judge, f"group {group_id} to be available", deadline, self._pace)

    def delete(self, group_id: str, deadline: Deadline) -> None:
        """Delete a group that has no volumes, and return when it does not exist any more.

        :raises InUse: it has volumes or snapshots.
        :raises Failed: Cinder could not delete it; the message holds its reason.
        """
        try:
            self._api.request(
                "group_delete",
                "POST",
                f"/groups/{segment(group_id)}/action",
                f"delete group {group_id}",
                deadline,
                json={"delete": {"delete-volumes": False}},
            )
        except NotFound:
            return
        except InvalidRequest as refused:
            raise InUse(refused.message, refused.request_id) from refused
        by_id.wait_until_gone(
            self._poller, "group", group_id, lambda now: self._reason(now, deadline), deadline, self._pace
        )

    def _reason(self, group: Group, deadline: Deadline) -> str:
        return self._messages.reason(group.id, deadline) or f"its status is {group.status}"

    def _by_id(self, deadline: Deadline) -> dict[str, Group]:
        rows = listed(self._api, "group_list", "groups", WITH_VOLUMES, "list the groups", deadline)
        return {group.id: group for group in map(group_from_api, rows)}
