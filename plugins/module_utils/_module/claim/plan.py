# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change so that a PersistentVolumeClaim is as it shall be. Pure: no call is made here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..._cloud.errors import Conflict, InvalidRequest
from ..arguments import texts
from ..cluster import Object
from ..plan import Change, Facts, Plan
from .quantity import quantity_bytes

DEFAULT_ACCESS_MODES = ["ReadWriteOnce"]
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_API_GROUPS = {"VolumeSnapshot": "snapshot.storage.k8s.io", "PersistentVolumeClaim": None}


class Action(Enum):
    """A step for a claim. All but create and delete hold fragments of the claim, and go out as one patch."""

    CREATE = "create"
    LABEL = "label"
    ANNOTATE = "annotate"
    RESIZE = "resize"
    MODIFY = "modify"
    DELETE = "delete"


@dataclass(frozen=True)
class Desired:
    """How the claim shall be; None leaves a property as it is."""

    namespace: str
    name: str
    size: str | None = None
    labels: Mapping[str, str | None] | None = None
    annotations: Mapping[str, str | None] | None = None
    volume_attributes_class_name: str | None = None
    fixed: Mapping[str, Any] | None = None
    """What a claim never changes: field of its spec to value, only those that are given."""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Desired:
        """Read the module's options.

        :raises InvalidRequest: a value that Kubernetes could not keep.
        """
        for option in ("name", "namespace"):
            _refuse_bad_name(option, params[option])
        if params["size"] is not None:
            quantity_bytes("size", params["size"])
        fixed = {
            "storageClassName": params["storage_class_name"],
            "accessModes": params["access_modes"],
            "volumeMode": params["volume_mode"],
            "volumeName": params["volume_name"],
            "dataSource": _data_source(params["data_source"]),
        }
        return cls(
            namespace=params["namespace"],
            name=params["name"],
            size=params["size"],
            labels=texts("labels", params["labels"]),
            annotations=texts("annotations", params["annotations"]),
            volume_attributes_class_name=params["volume_attributes_class_name"],
            fixed={field: value for field, value in fixed.items() if value is not None},
        )

    def __str__(self) -> str:
        return f"claim {self.namespace}/{self.name}"


#: Option of the module for each field of the claim's spec that never changes.
OPTIONS = {
    "storageClassName": "storage_class_name",
    "accessModes": "access_modes",
    "volumeMode": "volume_mode",
    "volumeName": "volume_name",
    "dataSource": "data_source",
}


def shown(claim: Object) -> Facts:
    """A claim as the diff shows it: what people write, not what controllers report."""
    metadata = claim["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if metadata.get(key)}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": kept, "spec": claim["spec"]}


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386): what the API server makes of ``target``."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def plan_present(desired: Desired, claim: Object | None, storage_class: Object | None) -> Plan:
    """Make it so, or keep it so.

    :param storage_class: the claim's StorageClass, None where it has none.
    :raises InvalidRequest: the claim can never become so.
    :raises Conflict: the claim cannot become so in the state that it is in.
    """
    if claim is None:
        body = _new(desired)
        return Plan(before=None, after=shown(body), changes=(Change(Action.CREATE, None, body),))
    if claim["metadata"].get("deletionTimestamp"):
        raise Conflict(f"{desired} is being deleted; wait until it is gone, or take another name")
    _refuse_fixed(desired, claim)
    changes = [
        *_metadata_change(Action.LABEL, "labels", desired.labels, claim),
        *_metadata_change(Action.ANNOTATE, "annotations", desired.annotations, claim),
        *_resize(desired, claim, storage_class),
        *_modify(desired, claim),
    ]
    after = claim
    for change in changes:
        after = merged(after, change.after)
    return Plan(before=shown(claim), after=shown(after), changes=tuple(changes))


def plan_absent(claim: Object | None) -> Plan:
    """Be rid of it. One that is being deleted already needs no step."""
    if claim is None:
        return Plan(before=None, after=None)
    going = claim["metadata"].get("deletionTimestamp")
    changes = () if going else (Change(Action.DELETE, claim["metadata"]["uid"], None),)
    return Plan(before=shown(claim), after=None, changes=changes)


def patch_of(plan: Plan) -> Object:
    """The one merge patch that carries out all the plan's changes of an existing claim."""
    patch: Object = {}
    for change in plan.changes:
        patch = _joined(patch, change.after)
    return patch


def _joined(first: Object, second: Object) -> Object:
    # Not merged(): a null of a patch means "remove", and must stay in it.
    result = dict(first)
    for key, value in second.items():
        result[key] = _joined(result[key], value) if isinstance(result.get(key), dict) else value
    return result


def _refuse_bad_name(option: str, value: str) -> None:
    if not _NAME.fullmatch(value) or len(value) > 253:
        raise InvalidRequest(
            f"{option}: {value!r} cannot be a name; give lower case letters, digits, - and . with a letter or"
            " digit first and last"
        )


def _data_source(option: Mapping[str, str] | None) -> Object | None:
    if option is None:
        return None
    source = {"kind": option["kind"], "name": option["name"], "apiGroup": _API_GROUPS[option["kind"]]}
    return {key: value for key, value in source.items() if value is not None}


def _new(desired: Desired) -> Object:
    if desired.size is None:
        raise InvalidRequest(f"size: {desired} does not exist, and a new one needs a size, such as 10Gi")
    metadata: Object = {"name": desired.name, "namespace": desired.namespace}
    for field, values in (("labels", desired.labels), ("annotations", desired.annotations)):
        given = {key: value for key, value in (values or {}).items() if value is not None}
        if given:
            metadata[field] = given
    spec: Object = {
        "accessModes": DEFAULT_ACCESS_MODES,
        "resources": {"requests": {"storage": desired.size}},
        **(desired.fixed or {}),
    }
    if desired.volume_attributes_class_name is not None:
        spec["volumeAttributesClassName"] = desired.volume_attributes_class_name
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def _refuse_fixed(desired: Desired, claim: Object) -> None:
    differing = []
    for field, wanted in (desired.fixed or {}).items():
        has = claim["spec"].get(field)
        if _comparable(has) != _comparable(wanted):
            differing.append(f"{OPTIONS[field]} is {_value(has)}, not {_value(wanted)}")
    if differing:
        raise InvalidRequest(
            f"{desired} exists, and a claim never changes these: {'; '.join(differing)}."
            " Ask for what it has, or for a claim of another name"
        )


def _comparable(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(value)
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner}
    return value


def _value(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return f"{value['kind']} {value['name']}"
    return f"'{value}'"


def _metadata_change(
    action: Action, field: str, wanted: Mapping[str, str | None] | None, claim: Object
) -> list[Change]:
    has = claim["metadata"].get(field) or {}
    new = {key: value for key, value in (wanted or {}).items() if has.get(key) != value}
    if not new:
        return []
    old = {key: has.get(key) for key in new}
    return [Change(action, {"metadata": {field: old}}, {"metadata": {field: new}})]


def _resize(desired: Desired, claim: Object, storage_class: Object | None) -> list[Change]:
    has, wanted = claim["spec"]["resources"]["requests"]["storage"], desired.size
    if wanted is None or quantity_bytes("size", wanted) == quantity_bytes("size", has):
        return []
    if quantity_bytes("size", wanted) < quantity_bytes("size", has):
        # A request may go back where an expansion did not come about; the volume itself never shrinks.
        real = ((claim.get("status") or {}).get("capacity") or {}).get("storage", has)
        if quantity_bytes("size", wanted) <= quantity_bytes("capacity", real):
            right = f"{has} or more" if real == has else f"more than {real}"
            raise InvalidRequest(f"size: {desired} has {real} and cannot shrink to {wanted}; ask for {right}")
    _refuse_resizing(desired, claim, storage_class, has)

    def fragment(size: str) -> Object:
        return {"spec": {"resources": {"requests": {"storage": size}}}}

    return [Change(Action.RESIZE, fragment(has), fragment(wanted))]


def _refuse_resizing(desired: Desired, claim: Object, storage_class: Object | None, has: str) -> None:
    phase = (claim.get("status") or {}).get("phase")
    if phase != "Bound":
        raise Conflict(
            f"size: {desired} is {phase}, and only a bound claim can change from {has} to {desired.size}"
        )
    if not (storage_class or {}).get("allowVolumeExpansion"):
        name = claim["spec"].get("storageClassName")
        reason = f"its StorageClass {name} does not allow expansion" if name else "it has no StorageClass"
        raise InvalidRequest(
            f"size: {desired} cannot grow from {has} to {desired.size}: {reason};"
            f" set allowVolumeExpansion of the class, or ask for {has}"
        )


def _modify(desired: Desired, claim: Object) -> list[Change]:
    has = claim["spec"].get("volumeAttributesClassName")
    wanted = desired.volume_attributes_class_name
    if wanted is None or wanted == has:
        return []
    field = "volumeAttributesClassName"
    return [Change(Action.MODIFY, {"spec": {field: has}}, {"spec": {field: wanted}})]
