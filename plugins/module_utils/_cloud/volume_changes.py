# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: what changes a volume that exists.

Source: Block Storage API v3, "Volume actions", "Volume metadata", "Volume types".
"""

from __future__ import annotations

import uuid

from .api import Api
from .errors import Failed, InvalidRequest, NotFound
from .messages import Messages
from .paths import segment
from .volume import Volume
from .volumes import Volumes
from .waiting import Deadline, LearnedPace, PaceSource

#: A volume in one of these is being changed, and comes back to what it was.
CHANGING = frozenset({"extending", "retyping"})
#: Whether a change of type may move a volume's data to another back end; the first is Cinder's default.
MIGRATION_POLICIES = ("never", "on-demand")


class VolumeChanges:
    """Adapter over the actions that change a volume.

    :param api: Cinder, at volumes.MICROVERSION or later: the first that extends volumes in use is 3.42.
    :param volumes: looks at the volumes.
    :param pace: how soon each wait for an extension looks first.
    :param retyping: the same of changes of type, which may move all of the data.
    """

    def __init__(
        self,
        api: Api,
        volumes: Volumes,
        pace: PaceSource | None = None,
        retyping: PaceSource | None = None,
    ) -> None:
        self._api = api
        self._volumes = volumes
        self._pace = pace or LearnedPace("volume_changed", 0.35)
        self._retyping = retyping or LearnedPace("volume_retyped", 0.35)
        self._messages = Messages(api)

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None:
        """Return the volume, None when there is none of that id."""
        return self._volumes.find(volume_id, deadline)

    def extend(self, volume_id: str, size: int, deadline: Deadline) -> None:
        """Ask for a volume to be extended to ``size`` GiB.

        :raises NotFound: there is no volume of that id.
        :raises InvalidRequest: its status forbids it, it is as large already, or its type has a limit.
        :raises QuotaExceeded: with Cinder's own reason.
        """
        self._api.request(
            "volume_expand",
            "POST",
            f"/volumes/{segment(volume_id)}/action",
            f"extend volume {volume_id} to {size} GiB",
            deadline,
            json={"os-extend": {"new_size": size}},
        )

    def type_name(self, type_id_or_name: str, deadline: Deadline) -> str:
        """Return the name of a volume type, by which volumes tell it; a name is returned as it is.

        :raises InvalidRequest: there is no type of that id.
        """
        try:
            uuid.UUID(type_id_or_name)
        except ValueError:
            return type_id_or_name
        try:
            body = self._api.request(
                "volume_type_get",
                "GET",
                f"/types/{type_id_or_name}",
                f"read volume type {type_id_or_name}",
                deadline,
            )
        except NotFound as missing:
            raise InvalidRequest(missing.message, missing.request_id) from missing
        return str(body["volume_type"]["name"])

    def retype(self, volume_id: str, new_type: str, migration_policy: str, deadline: Deadline) -> None:
        """Ask for a volume that exists to get another type.

        :param migration_policy: one of MIGRATION_POLICIES.
        :raises InvalidRequest: there is no such type, or the volume's state or its old type forbids it.
        :raises QuotaExceeded: with Cinder's own reason.
        """
        try:
            self._api.request(
                "volume_retype",
                "POST",
                f"/volumes/{segment(volume_id)}/action",
                f"change volume {volume_id} to type {new_type}",
                deadline,
                json={"os-retype": {"new_type": new_type, "migration_policy": migration_policy}},
            )
        except NotFound as missing:
            raise InvalidRequest(missing.message, missing.request_id) from missing

    def set_metadata(self, volume_id: str, metadata: dict[str, str], deadline: Deadline) -> None:
        """Set these keys of a volume's metadata, and leave its others as they are."""
        self._volumes.set_metadata(volume_id, metadata, deadline)

    def wait_until_settled(self, volume_id: str, deadline: Deadline) -> Volume:
        """Wait until a volume is not being changed any more; whether the change was made is seen of it then.

        :raises Failed: the back end failed in the middle of it. The volume stays in error until an
            administrator of the cloud has looked at it.
        :raises NotFound: somebody deleted it meanwhile.
        """
        return self._settled(volume_id, deadline, self._pace)

    def wait_until_retyped(self, volume_id: str, deadline: Deadline) -> Volume:
        """Wait as ``wait_until_settled`` does, at the pace of changes of type."""
        return self._settled(volume_id, deadline, self._retyping)

    def _settled(self, volume_id: str, deadline: Deadline, pace: PaceSource) -> Volume:
        def judge(now: Volume | None) -> Volume | None:
            if now is None:
                raise NotFound(f"volume {volume_id} has been deleted while it was being changed")
            if now.status in CHANGING:
                return None
            if now.status.startswith("error"):
                raise Failed(
                    f"Cinder failed to change {now}: {self.reason(volume_id, deadline)}; its status is"
                    f" {now.status}, from which only an administrator of the cloud brings it back"
                )
            return now

        return self._volumes.watch(volume_id, judge, f"volume {volume_id} to be changed", deadline, pace)

    def reason(self, volume_id: str, deadline: Deadline) -> str:
        """Return why Cinder gave the last change of a volume up, in its own words where it tells any."""
        return self._messages.reason(volume_id, deadline) or "it tells no reason"
