# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder's snapshots and backups, as routes of the fake cloud."""

from __future__ import annotations

import ast
import uuid
from typing import TYPE_CHECKING, Any

from .fake_answers import Answer, Route, fault, public

if TYPE_CHECKING:
    from .fake_cloud import FakeCloud

TAKEN = "2026-11-23T22:10:00.000000"


class FakeSnapshots:
    """The snapshots of a project.

    :ivar broken: the next ones fail in the background.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.known: dict[str, dict[str, Any]] = {}
        self.broken = False
        one = r"/snapshots/([^/?]+)"
        self.routes: list[Route] = [
            ("GET", "/snapshots/detail", self._list),
            ("GET", one, self._get),
            ("POST", "/snapshots", self._create),
            ("DELETE", one, self._delete),
        ]

    def add(self, **has: Any) -> dict[str, Any]:
        made = {
            "id": str(uuid.uuid4()),
            "name": "",
            "status": "available",
            "size": 1,
            "volume_id": "",
            "created_at": TAKEN,
            "group_snapshot_id": None,
            "metadata": {},
            "next": [],
            **has,
        }
        self.known[made["id"]] = made
        return made

    def volumes(self) -> set[str]:
        """The volumes that have snapshots."""
        return {snapshot["volume_id"] for snapshot in self.known.values()}

    def _list(self, params: dict[str, Any]) -> Answer:
        wanted = ast.literal_eval(params.get("metadata", "{}"))
        found = [s for s in _matching(self.known, params) if wanted.items() <= s["metadata"].items()]
        return _page(self._cloud, self.known, "snapshots", found, params)

    def _get(self, snapshot_id: str) -> Answer:
        return _look(self._cloud, self.known, "snapshot", snapshot_id)

    def _create(self, json: dict[str, Any]) -> Answer:
        wanted = json["snapshot"]
        volume = self._cloud.volumes.get(wanted["volume_id"])
        if volume is None:
            return fault(404, f"Volume {wanted['volume_id']} could not be found.")
        if volume["status"] != "available" and not (volume["status"] == "in-use" and wanted["force"]):
            return fault(400, f"Invalid volume: must be available, but is {volume['status']}.")
        made = self.add(
            name=wanted["name"],
            status="creating",
            size=volume["size"],
            volume_id=volume["id"],
            metadata=wanted["metadata"],
        )
        if self.broken:
            said = "The back end could not take the snapshot."
            self._cloud.messages.append({"resource_uuid": made["id"], "user_message": said})
        self._cloud.later(made, lambda s: s.update(status="error" if self.broken else "available"))
        return 202, {"snapshot": public(made)}

    def _delete(self, snapshot_id: str) -> Answer:
        if self.known.get(snapshot_id, {}).get("group_snapshot_id"):
            return fault(400, "Invalid snapshot: it must not be part of a group snapshot.")
        return _delete(self._cloud, self.known, "snapshot", snapshot_id)


class FakeBackups:
    """The backups of a project.

    :ivar service: whether there is a backup service.
    :ivar broken: the next ones fail in the background.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.known: dict[str, dict[str, Any]] = {}
        self.service = True
        self.broken = False
        one = r"/backups/([^/?]+)"
        self.routes: list[Route] = [
            ("GET", "/backups/detail", self._list),
            ("GET", one, self._get),
            ("POST", "/backups", self._create),
            ("DELETE", one, self._delete),
        ]

    def add(self, **has: Any) -> dict[str, Any]:
        made = {
            "id": str(uuid.uuid4()),
            "name": "",
            "status": "available",
            "size": 1,
            "volume_id": "",
            "snapshot_id": None,
            "availability_zone": "az1",
            "created_at": TAKEN,
            "data_timestamp": TAKEN,
            "fail_reason": None,
            "metadata": {},
            "next": [],
            **has,
        }
        self.known[made["id"]] = made
        return made

    def restored(self, backup_id: str) -> dict[str, Any]:
        """What a backup brings along when it is restored: all of the metadata, and no encryption."""
        metadata = self.known[backup_id].get("volume_metadata") if backup_id else None
        return {} if metadata is None else {"metadata": dict(metadata), "encrypted": False}

    def _list(self, params: dict[str, Any]) -> Answer:
        return _page(self._cloud, self.known, "backups", _matching(self.known, params), params)

    def _get(self, backup_id: str) -> Answer:
        return _look(self._cloud, self.known, "backup", backup_id)

    def _create(self, json: dict[str, Any]) -> Answer:
        wanted = json["backup"]
        if not self.service:
            return fault(503, "Service cinder-backup could not be found.")
        snapshot = self._cloud.snapshots.known.get(wanted["snapshot_id"])
        if snapshot is None:
            return fault(404, f"Snapshot {wanted['snapshot_id']} could not be found.")
        if snapshot["status"] != "available":
            return fault(400, f"Snapshot to be backed up must be available, but is {snapshot['status']}.")
        snapshot["status"] = "backing-up"
        made = self.add(
            name=wanted["name"],
            status="creating",
            size=snapshot["size"],
            volume_id=wanted["volume_id"],
            snapshot_id=snapshot["id"],
            availability_zone=wanted.get("availability_zone", "az1"),
            metadata=wanted["metadata"],
            volume_metadata=dict(self._cloud.volumes[wanted["volume_id"]]["metadata"]),
        )

        def copied(backup: dict[str, Any]) -> None:
            snapshot["status"] = "available"
            if self.broken:
                backup.update(status="error", fail_reason="The object store is full.")
            else:
                backup.update(status="available")

        self._cloud.later(made, copied)
        return 202, {"backup": {"id": made["id"], "name": made["name"]}}

    def _delete(self, backup_id: str) -> Answer:
        return _delete(self._cloud, self.known, "backup", backup_id)


Known = dict[str, dict[str, Any]]


def _matching(known: Known, params: dict[str, Any]) -> list[dict[str, Any]]:
    filters = {name: params[name] for name in ("name", "volume_id") if name in params}
    return [each for each in known.values() if filters.items() <= each.items()]


def _page(
    cloud: FakeCloud, known: Known, collection: str, found: list[dict[str, Any]], params: dict[str, Any]
) -> Answer:
    for each in found:
        cloud.step(each)
    found = [each for each in found if each["id"] in known]
    ids = [each["id"] for each in found]
    begin = ids.index(params["marker"]) + 1 if "marker" in params else 0
    end = begin + min(params["limit"], cloud.page_size)
    answer: dict[str, Any] = {collection: [public(each) for each in found[begin:end]]}
    if end < len(found):
        answer[f"{collection}_links"] = [{"rel": "next", "href": "there"}]
    return 200, answer


def _look(cloud: FakeCloud, known: Known, kind: str, wanted: str) -> Answer:
    if wanted in known:
        cloud.step(known[wanted])
    if wanted not in known:
        return fault(404, f"{kind} {wanted} could not be found.")
    return 200, {kind: public(known[wanted])}


def _delete(cloud: FakeCloud, known: Known, kind: str, wanted: str) -> Answer:
    if wanted not in known:
        return fault(404, f"{kind} {wanted} could not be found.")
    if known[wanted]["status"] not in ("available", "error"):
        return fault(400, f"Invalid {kind}: its status must be available or error.")
    known[wanted]["status"] = "deleting"
    cloud.later(known[wanted], lambda each: known.pop(each["id"]))
    return 202, None
