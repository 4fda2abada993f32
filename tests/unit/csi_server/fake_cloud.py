# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder and Nova as the SDK's proxies show them: requests in, answers out, state in between.

What happens in the background of a real cloud happens here when somebody looks: each read of a
volume takes it one step further.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import requests

from .fake_answers import Answer, Route, fault, public
from .fake_changes import FakeChanges
from .fake_groups import FakeGroups
from .fake_snapshots import FakeBackups, FakeSnapshots


class FakeService:
    """A proxy's ``request``, over routes of a fake."""

    def __init__(self, cloud: FakeCloud, routes: list[Route]) -> None:
        self._cloud = cloud
        self._routes = [(method, re.compile(path), act) for method, path, act in routes]

    def request(self, url: str, method: str, **options: Any) -> requests.Response:
        self._cloud.calls.append(f"{method} {url}")
        for failure in list(self._cloud.failures):
            if re.fullmatch(failure.pattern, f"{method} {url}"):
                failure.times -= 1
                if failure.times == 0:
                    self._cloud.failures.remove(failure)
                return _response(failure.status, failure.body, url, failure.headers)
        for verb, path, act in self._routes:
            match = path.fullmatch(url)
            if verb == method and match:
                taken = {name: options[name] for name in inspect.signature(act).parameters if name in options}
                status, body = act(*match.groups(), **taken)
                return _response(status, body, url, {})
        raise AssertionError(f"the fake has no {method} {url}")


class Failure:
    """The next requests that match are answered so, and not carried out."""

    def __init__(
        self,
        pattern: str,
        status: int,
        times: int = 1,
        headers: dict[str, str] | None = None,
        message: str = "no",
    ) -> None:
        self.pattern, self.status, self.times = pattern, status, times
        self.headers = headers or {}
        self.body = {"fault": {"message": message}}


def _response(
    status: int, body: dict[str, Any] | None, url: str, headers: dict[str, str]
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.url = url
    response.reason = "because"
    response.headers.update(
        {"x-openstack-request-id": f"req-{uuid.uuid4()}", "content-type": "application/json"}
    )
    response.headers.update(headers)
    response._content = json.dumps(body).encode() if body is not None else b""
    response.request = requests.Request("GET", f"http://cloud{url}").prepare()
    return response


class FakeCloud:
    """One project with volumes and servers.

    :ivar servers: the volumes that each server has or is getting.
    :ivar steps: how many looks at a volume it takes until it arrives at its next state.
    :ivar most_at_once: how many volumes go a step further when they are listed.
    :ivar default_type: of volumes that name none; empty where Cinder has no default.
    :ivar broken_types: volume types whose creation fails in the background.
    :ivar multiattach_types: volume types whose volumes can be attached more than once.
    :ivar encrypting_types: volume types whose volumes are encrypted.
    :ivar clones_stay_in_zone: whether volumes made of others have to be in az1 (cloned_volume_same_az).
    :ivar extra_specs_shown: whether the types tell that.
    :ivar extra_specs: what else they tell.
    :ivar fallback_zone: where volumes for zones that are none are put (allow_availability_zone_fallback).
    :ivar pools: zone and capabilities by name; None for a user who may not see them.
    """

    def __init__(self) -> None:
        self.volumes: dict[str, dict[str, Any]] = {}
        self.servers: dict[str, set[str]] = {}
        self.messages: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.failures: list[Failure] = []
        self.steps = 1
        self.most_at_once = 10**9
        self.types = {"fast", "slow"}
        self.default_type = "fast"
        self.broken_types: set[str] = set()
        self.multiattach_types = {"multi"}
        self.encrypting_types: set[str] = set()
        self.clones_stay_in_zone = False
        self.extra_specs_shown = True
        self.extra_specs: dict[str, dict[str, str]] = {}
        self.quotas: dict[str, dict[str, int]] = {"gigabytes": {"limit": 100, "in_use": 30, "reserved": 10}}
        self.pools: dict[str, tuple[str, dict[str, Any]]] | None = None
        self.zones = {"az1", "az2"}
        self.fallback_zone = ""
        self.max_gigabytes = 1000
        self.max_devices = 26
        self.page_size = 1000
        self.snapshots = FakeSnapshots(self)
        self.backups = FakeBackups(self)
        self.changes = FakeChanges(self)
        self.groups = FakeGroups(self)
        volume = r"/volumes/([^/?]+)"
        attachments = r"/servers/([^/]+)/os-volume_attachments"
        self.cinder = FakeService(
            self,
            [
                ("GET", "/volumes", self._list_names),
                ("GET", "/volumes/detail", self._list),
                ("GET", volume, self._get),
                ("POST", "/volumes", self._create),
                ("DELETE", volume, self._delete),
                ("GET", "/attachments", self._list_attachments),
                ("POST", "/attachments", self._create_attachment),
                ("GET", r"/attachments/([^/]+)", self._get_attachment),
                ("DELETE", r"/attachments/([^/]+)", self._delete_attachment),
                ("POST", r"/attachments/([^/]+)/action", self._complete_attachment),
                ("GET", "/messages", self._messages),
                *self.snapshots.routes,
                *self.backups.routes,
                ("GET", "/types/default", self._default_type),
                *self.changes.routes,
                *self.groups.routes,
                ("GET", "/types", self._types),
                ("GET", "/os-availability-zone", self._zones),
                ("GET", "/os-quota-sets/project", self._quotas),
                ("GET", "/scheduler-stats/get_pools", self._pools),
                ("GET", "/os-services", self._services),
            ],
        )
        self.nova = FakeService(
            self,
            [
                ("GET", attachments, self._list_of_server),
                ("POST", attachments, self._attach),
                ("DELETE", attachments + r"/([^/]+)", self._detach),
            ],
        )

    def add_server(self) -> str:
        server = str(uuid.uuid4())
        self.servers[server] = set()
        return server

    def add_volume(self, **has: Any) -> dict[str, Any]:
        made = {
            "id": str(uuid.uuid4()),
            "name": "",
            "status": "available",
            "size": 1,
            "volume_type": "fast",
            "availability_zone": "az1",
            "metadata": {},
            "attachments": [],
            "multiattach": False,
            "half_made": [],
            "snapshot_id": None,
            "source_volid": None,
            "next": [],
            **has,
        }
        self.volumes[made["id"]] = made
        return made

    def step(self, volume: dict[str, Any]) -> None:
        """A change that waits in ``next`` happens when its looks are used up."""
        if volume["next"]:
            volume["next"][0][0] -= 1
            if volume["next"][0][0] < 0:
                volume["next"].pop(0)[1](volume)

    def later(self, volume: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> None:
        volume["next"].append([self.steps, change])

    # Cinder

    def _list(self, params: dict[str, Any]) -> Answer:
        found = list(self.volumes.values())
        if "name" in params:
            found = [v for v in found if v["name"] == params["name"]]
        if "metadata" in params:
            wanted = ast.literal_eval(params["metadata"]).items()
            found = [v for v in found if wanted <= v["metadata"].items()]
        for volume in [v for v in found if v["next"]][: self.most_at_once]:
            self.step(volume)
        return 200, {"volumes": [public(v) for v in found if v["id"] in self.volumes]}

    def _list_names(self, params: dict[str, Any]) -> Answer:
        return 200, {"volumes": [{"id": v["id"], "name": v["name"]} for v in list(self.volumes.values())]}

    def _get(self, volume_id: str) -> Answer:
        if volume_id in self.volumes:
            self.step(self.volumes[volume_id])
        if volume_id not in self.volumes:
            return fault(404, f"Volume {volume_id} could not be found.")
        return 200, {"volume": public(self.volumes[volume_id])}

    def _create(self, json: dict[str, Any]) -> Answer:
        wanted = json["volume"]
        sources = {
            name: wanted[name] for name in ("snapshot_id", "source_volid", "backup_id") if name in wanted
        }
        if refused := self._unfit(sources, wanted["size"]):
            return refused
        source_type = self.volumes.get(sources.get("source_volid", ""), {}).get("volume_type", "fast")
        kind, zone = wanted.get("volume_type", source_type), wanted.get("availability_zone", "az1")
        if kind not in self.types | self.broken_types | self.multiattach_types:
            return fault(404, f"Volume type with name {kind} could not be found.")
        if self.clones_stay_in_zone and sources and zone != "az1":
            return fault(400, "Volume must be in the same availability zone as the source volume")
        if zone not in self.zones:
            zone = self.fallback_zone or zone
        if zone not in self.zones:
            return fault(400, f"Availability zone '{zone}' is invalid.")
        if sum(v["size"] for v in self.volumes.values()) + wanted["size"] > self.max_gigabytes:
            return fault(
                413, "VolumeSizeExceedsAvailableQuota: Requested volume exceeds allowed gigabytes quota."
            )
        made = self.add_volume(
            name=wanted["name"],
            status="creating",
            size=wanted["size"],
            volume_type=kind,
            availability_zone=zone,
            metadata=wanted["metadata"],
            snapshot_id=sources.get("snapshot_id"),
            source_volid=sources.get("source_volid"),
            multiattach=kind in self.multiattach_types,
            hints=json.get("OS-SCH-HNT:scheduler_hints"),
            description=wanted.get("description"),
            encrypted=kind in self.encrypting_types,
        )
        if kind in self.broken_types:
            said = "schedule allocate volume:Could not find any available weighted backend."
            self.messages.append({"resource_uuid": made["id"], "user_message": said})
            self.later(made, lambda v: v.update(status="error"))
        else:
            restored = self.backups.restored(sources.get("backup_id", ""))
            self.later(made, lambda v: v.update(restored, status="available"))
        return 202, {"volume": public(made)}

    def _unfit(self, sources: dict[str, str], size: int) -> Answer | None:
        known = {
            "snapshot_id": self.snapshots.known,
            "source_volid": self.volumes,
            "backup_id": self.backups.known,
        }
        for name, wanted in sources.items():
            if wanted not in known[name]:
                return fault(404, f"{name} {wanted} could not be found.")
            source = known[name][wanted]
            if source["status"] not in ("available", "in-use"):
                return fault(
                    400, "Invalid source: Originating source status must be one of 'available' values"
                )
            if source["size"] > size:
                return fault(400, f"Volume size {size}GB cannot be smaller than the source's.")
        return None

    def _delete(self, volume_id: str) -> Answer:
        volume = self.volumes.get(volume_id)
        if volume is None:
            return fault(404, f"Volume {volume_id} could not be found.")
        if volume["status"] not in ("available", "error") or volume_id in self.snapshots.volumes():
            return fault(400, "Invalid volume: must be available or error, and have no snapshots.")
        volume["status"] = "deleting"
        self.later(volume, lambda v: self.volumes.pop(v["id"]))
        return 202, None

    def _list_attachments(self, params: dict[str, Any]) -> Answer:
        if (volume := self.volumes.get(params["volume_id"])) is None:
            return 200, {"attachments": []}
        listed = [
            {"id": a["attachment_id"], "instance": a["server_id"] or None, "status": "attached"}
            for a in volume["attachments"]
        ]
        return 200, {"attachments": listed + volume["half_made"]}

    def _create_attachment(self, json: dict[str, Any]) -> Answer:
        wanted = json["attachment"]
        volume = self.volumes[wanted["volume_uuid"]]
        if volume["status"] not in (("available", "in-use") if volume["multiattach"] else ("available",)):
            return fault(400, f"Invalid volume: status must be available, not {volume['status']}.")
        volume["status"] = "reserved"
        made = {"id": str(uuid.uuid4()), "instance": None, "status": "attaching", **wanted}
        volume["half_made"].append(made)
        return 200, {"attachment": {"id": made["id"]}}

    def _get_attachment(self, attachment_id: str) -> Answer:
        for volume in self.volumes.values():
            if any(a["attachment_id"] == attachment_id for a in volume["attachments"]):
                return 200, {"attachment": {"connection_info": {"target_iqn": f"iqn.{volume['id']}"}}}
        return fault(404, "no such attachment")

    def _delete_attachment(self, attachment_id: str) -> Answer:
        for volume in self.volumes.values():
            for attachment in volume["attachments"]:
                if attachment["attachment_id"] == attachment_id:
                    if self._has(attachment["server_id"], volume["id"]):
                        return fault(409, "Detach volume using Nova.")
                    volume["attachments"].remove(attachment)
                    volume["status"] = "in-use" if volume["attachments"] else "available"
                    return 200, {"attachments": []}
            for attachment in volume["half_made"]:
                if attachment["id"] == attachment_id:
                    volume["half_made"].remove(attachment)
                    volume["status"] = "in-use" if volume["attachments"] else "available"
                    return 200, {"attachments": []}
        return fault(404, "no such attachment")

    def _complete_attachment(self, attachment_id: str, json: dict[str, Any]) -> Answer:
        for volume in self.volumes.values():
            for made in [each for each in volume["half_made"] if each["id"] == attachment_id]:
                volume["half_made"].remove(made)
                connector = made["connector"]
                volume["attachments"].append(
                    {
                        "server_id": None,
                        "attachment_id": attachment_id,
                        # Cinder tells it to administrators alone.
                        "host_name": None,
                        "device": connector["mountpoint"],
                    }
                )
            if any(a["attachment_id"] == attachment_id for a in volume["attachments"]):
                volume["status"] = "in-use"
                return 204, None
        return fault(404, "no such attachment")

    def _zones(self) -> Answer:
        listed = [{"zoneName": zone, "zoneState": {"available": True}} for zone in sorted(self.zones)]
        return 200, {"availabilityZoneInfo": listed}

    def _quotas(self) -> Answer:
        return 200, {"quota_set": {"id": "project", **self.quotas}}

    def _pools(self) -> Answer:
        if self.pools is None:
            return fault(403, "Policy doesn't allow scheduler_extension:scheduler_stats:get_pools")
        listed = [
            {"name": f"host@{name}#{name}", "capabilities": {"volume_backend_name": name, **has}}
            for name, (dummy, has) in self.pools.items()
        ]
        return 200, {"pools": listed}

    def _services(self) -> Answer:
        listed = [
            {"host": f"host@{name}", "zone": zone} for name, (zone, dummy) in (self.pools or {}).items()
        ]
        return 200, {"services": listed}

    def _types(self) -> Answer:
        listed: list[dict[str, Any]] = []
        for name in sorted(self.types | self.broken_types | self.multiattach_types):
            listed.append({"id": f"id-of-{name}", "name": name})
            if self.extra_specs_shown:
                specs = {"multiattach": "<is> True"} if name in self.multiattach_types else {}
                listed[-1]["extra_specs"] = {**specs, **self.extra_specs.get(name, {})}
        return 200, {"volume_types": listed}

    def _default_type(self) -> Answer:
        listed = self._types()[1]
        assert listed
        found = [each for each in listed["volume_types"] if each["name"] == self.default_type]
        return (200, {"volume_type": found[0]}) if found else fault(404, "Default volume type not found.")

    def _messages(self, params: dict[str, Any]) -> Answer:
        about = [m for m in self.messages if m["resource_uuid"] == params["resource_uuid"]]
        return 200, {"messages": about[-1:]}

    # Nova

    def _has(self, server_id: str, volume_id: str) -> bool:
        return server_id in self.servers and volume_id in self.servers[server_id]

    def _list_of_server(self, server_id: str) -> Answer:
        if server_id not in self.servers:
            return fault(404, f"Instance {server_id} could not be found.")
        return 200, {"volumeAttachments": [{"volumeId": each} for each in sorted(self.servers[server_id])]}

    def _attach(self, server_id: str, json: dict[str, Any], microversion: str = "2.60") -> Answer:
        volume = self.volumes.get(json["volumeAttachment"]["volumeId"])
        if server_id not in self.servers or volume is None:
            return fault(404, "could not be found")
        if volume["multiattach"] and microversion != "2.60":
            return fault(
                400, "multiattach volumes are only supported starting with compute API version 2.60."
            )
        if any(a["server_id"] == server_id for a in volume["attachments"]):
            return fault(400, f"Invalid volume: volume {volume['id']} is already attached.")
        if volume["status"] not in ({"available", "in-use"} if volume["multiattach"] else {"available"}):
            return fault(400, f"Invalid volume: status must be available, not {volume['status']}.")
        if len(self.servers[server_id]) >= self.max_devices:
            return fault(
                403,
                f"The maximum allowed number of disk devices ({self.max_devices}) to attach to a single"
                " instance has been exceeded.",
            )
        volume["status"] = "reserved"
        self.servers[server_id].add(volume["id"])

        def attach(volume: dict[str, Any]) -> None:
            volume["status"] = "in-use"
            volume["attachments"].append(
                {"server_id": server_id, "attachment_id": str(uuid.uuid4()), "device": "/dev/vdb"}
            )

        self.later(volume, attach)
        return 200, {"volumeAttachment": {"volumeId": volume["id"], "device": "/dev/vdb"}}

    def _detach(self, server_id: str, volume_id: str) -> Answer:
        volume = self.volumes.get(volume_id)
        if volume is None or not self._has(server_id, volume_id):
            return fault(404, "not attached")
        if volume["status"] != "in-use":
            return fault(400, f"Invalid volume: status is {volume['status']}")
        volume["status"] = "detaching"
        self.later(volume, lambda v: self._gone(v, server_id))
        return 202, None

    def _gone(self, volume: dict[str, Any], server_id: str) -> None:
        volume["attachments"] = [a for a in volume["attachments"] if a["server_id"] != server_id]
        self.servers.get(server_id, set()).discard(volume["id"])
        volume["status"] = "in-use" if volume["attachments"] else "available"
