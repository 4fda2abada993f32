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
    """Extends volumes, and changes their types and metadata.

    :ivar largest: GiB; no type allows more.
    :ivar room: whether the back end takes what the API has accepted.
    :ivar breaks: whether the back end fails in the middle.
    :ivar front_end_types: types with QoS of the hypervisor's, which volumes in use cannot get.
    :ivar type_ids: names of volume types by their ids.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.largest = 500
        self.room = True
        self.breaks = False
        self.front_end_types: set[str] = set()
        self.type_ids: dict[str, str] = {}
        self.routes: list[Route] = [
            ("POST", r"/volumes/([^/?]+)/action", self._act),
            ("POST", r"/volumes/([^/?]+)/metadata", self._set_metadata),
            ("GET", r"/types/([^/?]+)", self._type),
        ]

    def _act(self, volume_id: str, json: dict[str, Any]) -> Answer:
        volume = self._cloud.volumes.get(volume_id)
        if volume is None:
            return fault(404, f"Volume {volume_id} could not be found.")
        if "os-extend" in json:
            return self._extend(volume, json["os-extend"])
        if "os-retype" in json:
            return self._retype(volume, json["os-retype"])
        return self._set_right(volume, json)

    def _retype(self, volume: dict[str, Any], wanted: dict[str, Any]) -> Answer:
        name, before = wanted["new_type"], volume["status"]
        if name not in self._cloud.types:
            return fault(404, f"Volume type with name {name} could not be found.")
        if before not in ("available", "in-use") or name == volume["volume_type"]:
            return fault(400, "Retype needs volume to be in available or in-use state.")
        if before == "in-use" and name in self.front_end_types:
            return fault(400, "for in-use volumes front-end qos specs cannot change.")
        volume["status"] = "retyping"
        change = {"volume_type": name} if self.room or wanted["migration_policy"] == "on-demand" else {}
        self._cloud.later(volume, lambda v: v.update(change, status=before))
        return 202, None

    def _set_metadata(self, volume_id: str, json: dict[str, Any]) -> Answer:
        metadata = self._cloud.volumes[volume_id]["metadata"]
        metadata.update(json["metadata"])
        return 200, {"metadata": metadata}

    def _type(self, type_id: str) -> Answer:
        if type_id not in self.type_ids:
            return fault(404, f"Volume type {type_id} could not be found.")
        return 200, {"volume_type": {"id": type_id, "name": self.type_ids[type_id]}}

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
