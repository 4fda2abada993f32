# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder's groups and group snapshots, as routes of the fake cloud."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from .fake_answers import Answer, Route, fault, public
from .fake_snapshots import TAKEN

if TYPE_CHECKING:
    from .fake_cloud import FakeCloud


class FakeGroups:
    """The groups of a project and their snapshots.

    :ivar types: the group specs of each group type.
    :ivar specs_shown: whether the user may see them, which by default only administrators do.
    :ivar broken: the next group snapshots fail in the background.
    :ivar members_busy: no volume can leave its group.
    :ivar keeps_members: volumes that leave their group fail to, in the background.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.known: dict[str, dict[str, Any]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.types = {"together": {"consistent_group_snapshot_enabled": "<is> True"}, "loose": {}}
        self.specs_shown = True
        self.broken = False
        self.members_busy = False
        self.keeps_members = False
        self.routes: list[Route] = [
            ("GET", "/group_types", self._types),
            ("GET", "/groups/detail", self._list),
            ("GET", r"/groups/([^/?]+)", self._get),
            ("POST", "/groups", self._create),
            ("PUT", r"/groups/([^/?]+)", self._change),
            ("POST", r"/groups/([^/?]+)/action", self._delete),
            ("GET", "/group_snapshots/detail", self._list_snapshots),
            ("GET", r"/group_snapshots/([^/?]+)", self._get_snapshot),
            ("POST", "/group_snapshots", self._take),
            ("DELETE", r"/group_snapshots/([^/?]+)", self._delete_snapshot),
        ]

    def _types(self) -> Answer:
        listed: list[dict[str, Any]] = []
        for name, specs in self.types.items():
            listed.append({"id": f"id-of-{name}", "name": name})
            if self.specs_shown:
                listed[-1]["group_specs"] = specs
        return 200, {"group_types": listed}

    def _list(self, params: dict[str, Any]) -> Answer:
        return 200, {"groups": [self._look(self.known, each) for each in list(self.known)]}

    def _get(self, group_id: str, params: dict[str, Any]) -> Answer:
        found = self._look(self.known, group_id)
        return (200, {"group": found}) if found else fault(404, f"Group {group_id} could not be found.")

    def _look(self, things: dict[str, dict[str, Any]], thing_id: str) -> dict[str, Any] | None:
        if thing_id in things:
            self._cloud.step(things[thing_id])
        return public(things[thing_id]) if thing_id in things else None

    def _create(self, json: dict[str, Any]) -> Answer:
        wanted = json["group"]
        if wanted["group_type"] not in self.types:
            return fault(404, f"Group type with name {wanted['group_type']} could not be found.")
        made = {**wanted, "id": str(uuid.uuid4()), "status": "creating", "volumes": [], "next": []}
        self.known[made["id"]] = made
        status = "available" if len(made["volume_types"]) == 1 else "error"
        self._cloud.later(made, lambda group: group.update(status=status))
        return 202, {"group": {"id": made["id"], "name": made["name"]}}

    def _change(self, group_id: str, json: dict[str, Any]) -> Answer:
        group, wanted = self.known[group_id], json["group"]
        for volume in filter(None, wanted.get("add_volumes", "").split(",")):
            if any(volume in other["volumes"] for other in self.known.values()):
                return fault(400, f"Invalid volume: Cannot add volume {volume}: it is already in a group.")
            group["volumes"].append(volume)
        if wanted.get("remove_volumes") and self.members_busy:
            return fault(400, "Cannot remove volume: its state is attaching.")
        if wanted.get("remove_volumes") and self.keeps_members:
            group["status"] = "updating"
            self._cloud.later(group, lambda group: group.update(status="error"))
            return 202, None
        for volume in filter(None, wanted.get("remove_volumes", "").split(",")):
            group["volumes"].remove(volume)
        group.update(status="updating", name=wanted.get("name", group["name"]))
        self._cloud.later(group, lambda group: group.update(status="available"))
        return 202, None

    def _delete(self, group_id: str, json: dict[str, Any]) -> Answer:
        group = self.known.get(group_id)
        if group is None:
            return fault(404, f"Group {group_id} could not be found.")
        if group["volumes"] or any(each["group_id"] == group_id for each in self.snapshots.values()):
            return fault(400, "Invalid Group: it still contains volumes or snapshots.")
        group["status"] = "deleting"
        self._cloud.later(group, lambda group: self.known.pop(group["id"]))
        return 202, None

    def _list_snapshots(self, params: dict[str, Any]) -> Answer:
        return 200, {"group_snapshots": [self._look(self.snapshots, each) for each in list(self.snapshots)]}

    def _get_snapshot(self, snapshot_id: str) -> Answer:
        found = self._look(self.snapshots, snapshot_id)
        return (200, {"group_snapshot": found}) if found else fault(404, "could not be found")

    def _take(self, json: dict[str, Any]) -> Answer:
        wanted = json["group_snapshot"]
        made = {**wanted, "id": str(uuid.uuid4()), "status": "creating", "created_at": TAKEN, "next": []}
        self.snapshots[made["id"]] = made
        members = [
            self._cloud.snapshots.add(
                name=wanted["name"], volume_id=volume, status="creating", group_snapshot_id=made["id"]
            )
            for volume in self.known[wanted["group_id"]]["volumes"]
        ]
        status = "error" if self.broken else "available"

        def done(whole: dict[str, Any]) -> None:
            for each in (whole, *members):
                each["status"] = status

        if self.broken:
            said = "The back end could not take the snapshots."
            self._cloud.messages.append({"resource_uuid": made["id"], "user_message": said})
        self._cloud.later(made, done)
        return 202, {"group_snapshot": {"id": made["id"], "name": made["name"]}}

    def _delete_snapshot(self, snapshot_id: str) -> Answer:
        whole = self.snapshots.get(snapshot_id)
        if whole is None:
            return fault(404, "could not be found")
        whole["status"] = "deleting"

        def gone(whole: dict[str, Any]) -> None:
            self.snapshots.pop(whole["id"])
            members = self._cloud.snapshots.known
            for member in [each for each in members.values() if each["group_snapshot_id"] == whole["id"]]:
                members.pop(member["id"])

        self._cloud.later(whole, gone)
        return 202, None
