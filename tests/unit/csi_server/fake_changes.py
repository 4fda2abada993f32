# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions of the fake cloud that change a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fake_answers import Answer, Route, fault

if TYPE_CHECKING:
    from .fake_cloud import FakeCloud


class FakeChanges:
    """Extends volumes.

    :ivar largest: GiB; no type allows more.
    :ivar room: whether the back end takes what the API has accepted.
    :ivar breaks: whether the back end fails in the middle.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.largest = 500
        self.room = True
        self.breaks = False
        self.routes: list[Route] = [("POST", r"/volumes/([^/?]+)/action", self._act)]

    def _act(self, volume_id: str, json: dict[str, Any]) -> Answer:
        volume = self._cloud.volumes.get(volume_id)
        if volume is None:
            return fault(404, f"Volume {volume_id} could not be found.")
        if "os-extend" in json:
            return self._extend(volume, json["os-extend"])
        return self._set_right(volume, json)

    def _set_right(self, volume: dict[str, Any], json: dict[str, Any]) -> Answer:
        if "os-roll_detaching" in json:
            volume["status"] = "in-use"
        elif "os-detach" in json and not volume["attachments"]:
            volume["status"] = "available"
        else:
            return fault(400, f"cannot {json}")
        return 202, None

    def _extend(self, volume: dict[str, Any], wanted: dict[str, Any]) -> Answer:
        size, before = wanted["new_size"], volume["status"]
        if size <= volume["size"]:
            return fault(400, "New size for extend must be greater than current size.")
        if size > self.largest:
            return fault(400, f"Specified volume size of '{size}' exceeds that of the volume type.")
        if before not in ("available", "in-use"):
            return fault(400, f"Volume status must be 'available' to extend, currently {before}.")
        if (
            sum(v["size"] for v in self._cloud.volumes.values()) + size - volume["size"]
            > self._cloud.max_gigabytes
        ):
            return fault(413, "VolumeSizeExceedsAvailableQuota: exceeds allowed gigabytes quota.")
        volume["status"] = "extending"
        self._ends(volume, before, "extend volume", {"size": size})
        return 202, None

    def _ends(self, volume: dict[str, Any], before: str, action: str, change: dict[str, Any]) -> None:
        if self.breaks:
            self._tell(volume, f"{action}:Volume Driver failed to extend volume.")
            self._cloud.later(volume, lambda v: v.update(status="error_extending"))
        elif not self.room:
            self._tell(volume, f"{action}:Could not find any available weighted backend.")
            self._cloud.later(volume, lambda v: v.update(status=before))
        else:
            self._cloud.later(volume, lambda v: v.update(change, status=before))

    def _tell(self, volume: dict[str, Any], text: str) -> None:
        self._cloud.messages.append({"resource_uuid": volume["id"], "user_message": text})
