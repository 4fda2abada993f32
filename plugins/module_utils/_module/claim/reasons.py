# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a claim is not what was asked for. Pure: no call is made here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..cluster import Object
from .quantity import quantity_bytes
from .readiness import condition_messages, phase, using_pods, waits_for_consumer

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_MOST_EVENTS = 10
# Each try has a request of its own, and perhaps a volume: that does not make another message of it.
_ID = re.compile(r"(?:req-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Surroundings:
    """What of the cluster bears upon a pending claim; None where the credential may not look."""

    claim: Object
    classes: Sequence[Object] | None = None
    volumes: Sequence[Object] | None = None
    drivers: Sequence[Object] | None = None
    pods: Sequence[Object] | None = None

    @property
    def storage_class(self) -> Object | None:
        """The claim's own class."""
        name = self.claim["spec"].get("storageClassName")
        return next((each for each in self.classes or () if each["metadata"]["name"] == name), None)


def hopeless(around: Surroundings) -> str | None:
    """What keeps the claim pending until a person does something; None when the cluster may yet do it."""
    claim = around.claim
    if phase(claim) != "Pending" or claim["spec"].get("volumeName"):
        return None
    if around.classes is None or around.volumes is None or _fitting(claim, around.volumes):
        return None
    name = claim["spec"].get("storageClassName")
    names = ", ".join(sorted(each["metadata"]["name"] for each in around.classes)) or "none"
    if name is None and not any(_is_default(each) for each in around.classes):
        return (
            "storage_class_name: none is given and the cluster has no default StorageClass;"
            f" give one of: {names}"
        )
    if name and around.storage_class is None:
        return f"storage_class_name: there is no StorageClass '{name}'; the cluster has: {names}"
    return None


def reasons(around: Surroundings) -> list[str]:
    """What is seen to be in the way, the most telling first."""
    found = [hopeless(around), *_pod_reasons(around), *_volume_reasons(around), *_driver_reasons(around)]
    return [each for each in found if each] + condition_messages(around.claim)


def told(events: Sequence[Object]) -> list[dict[str, Any]]:
    """Events for a result: newest first, those that differ in ids only once.

    :return: mappings of ``type``, ``reason``, ``message``, ``count`` and ``last_seen``.
    """
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for event in sorted(events, key=_last_seen, reverse=True):
        reason, message = event.get("reason") or "", (event.get("message") or "").strip()
        key = (reason, _ID.sub("", message))
        if key in newest:
            newest[key]["count"] += event.get("count") or 1
            continue
        newest[key] = {
            "type": event.get("type") or "Normal",
            "reason": reason,
            "message": message,
            "count": event.get("count") or 1,
            "last_seen": _last_seen(event),
        }
    return list(newest.values())[:_MOST_EVENTS]


def sentence(about: str, why: Sequence[str], events: Sequence[dict[str, Any]]) -> str:
    """One message of all of it; warnings go before other events."""
    warnings = [event for event in events if event["type"] == "Warning"]
    parts = [about, *why]
    parts += [
        f"{event['reason']} ({event['count']} times): {event['message']}"
        for event in warnings or list(events)
    ]
    return ". ".join(part.rstrip(". ") for part in parts)


def _last_seen(event: Object) -> str:
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def _is_default(storage_class: Object) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"


def _fitting(claim: Object, volumes: Sequence[Object]) -> list[Object]:
    """Those volumes that the claim is, or can be, bound to."""
    wanted = quantity_bytes("size", claim["spec"]["resources"]["requests"]["storage"])
    return [volume for volume in volumes if _is_own(volume, claim) or _fits(volume, claim, wanted)]


def _is_own(volume: Object, claim: Object) -> bool:
    bound_to = volume["spec"].get("claimRef") or {}
    return (bound_to.get("namespace"), bound_to.get("name")) == (
        claim["metadata"]["namespace"],
        claim["metadata"]["name"],
    )


def _fits(volume: Object, claim: Object, wanted: int) -> bool:
    spec = volume["spec"]
    return (
        (volume.get("status") or {}).get("phase") == "Available"
        and not spec.get("claimRef")
        and (spec.get("storageClassName") or "") == (claim["spec"].get("storageClassName") or "")
        and set(claim["spec"]["accessModes"]) <= set(spec["accessModes"])
        and (spec.get("volumeMode") or "Filesystem") == (claim["spec"].get("volumeMode") or "Filesystem")
        and quantity_bytes("capacity", spec["capacity"]["storage"]) >= wanted
    )


def _pod_reasons(around: Surroundings) -> list[str]:
    using = using_pods(around.claim, around.pods or ())
    if around.pods is not None and not using and waits_for_consumer(around.claim, around.storage_class):
        return [
            f"StorageClass {around.claim['spec']['storageClassName']} waits for a pod that uses the claim"
        ]
    return [
        f"pod {pod['metadata']['name']} is not scheduled: {condition.get('message') or condition['reason']}"
        for pod in using
        for condition in (pod.get("status") or {}).get("conditions") or []
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]


def _volume_reasons(around: Surroundings) -> list[str]:
    spec = around.claim["spec"]
    if phase(around.claim) != "Pending" or around.volumes is None:
        return []
    if spec.get("volumeName"):
        by_name = {volume["metadata"]["name"]: volume for volume in around.volumes}
        volume = by_name.get(spec["volumeName"])
        if volume is None:
            return [f"volume_name: there is no PersistentVolume '{spec['volumeName']}'"]
        return [f"PersistentVolume {spec['volumeName']} is {(volume.get('status') or {}).get('phase')}"]
    if spec.get("storageClassName") == "" and not _fitting(around.claim, around.volumes):
        asked = f"{spec['resources']['requests']['storage']}, {', '.join(spec['accessModes'])}"
        return [f"no PersistentVolume without a StorageClass is available for it ({asked})"]
    return []


def _driver_reasons(around: Surroundings) -> list[str]:
    storage_class = around.storage_class
    if storage_class is None or around.drivers is None or phase(around.claim) != "Pending":
        return []
    provisioner = storage_class["provisioner"]
    if any(driver["metadata"]["name"] == provisioner for driver in around.drivers):
        return []
    name = storage_class["metadata"]["name"]
    return [
        f"StorageClass {name}: the cluster has no CSIDriver '{provisioner}'; install it, if it is one of CSI"
    ]
