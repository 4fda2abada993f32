# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to change so that a QoS spec is as it shall be. Pure: no call is made here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..._cloud.errors import Conflict, InvalidRequest
from ..._cloud.qos_specs import QosSpec
from ..._cloud.volume_types import VolumeTypeRef
from ..arguments import texts
from ..plan import Change, Facts, Plan

#: What Cinder takes when nobody says.
DEFAULT_CONSUMER = "back-end"

# Cinder keeps name and consumer among the keys; its own pattern for the others is enforced only on update.
_RESERVED_KEYS = ("name", "consumer", "QoS_Specs_Name")
_KEY = re.compile(r"[a-zA-Z0-9\-_:. /]{1,255}")


class Action(Enum):
    """A step for a QoS spec; each is one call of Cinder's API."""

    CREATE = "create"
    SET_CONSUMER = "set consumer"
    SET_KEYS = "set keys"
    UNSET_KEYS = "unset keys"
    DISASSOCIATE = "disassociate"
    ASSOCIATE = "associate"
    DELETE = "delete"


@dataclass(frozen=True)
class Desired:
    """How the QoS spec shall be; None leaves a property as it is."""

    name: str
    consumer: str | None = None
    specs: Mapping[str, str] | None = None
    volume_types: Collection[str] | None = None
    """Names or ids."""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Desired:
        """Read the module's options.

        :raises InvalidRequest: a value that Cinder could not keep.
        """
        name = params["name"]
        if not name or name != name.strip() or len(name) > 255:
            raise InvalidRequest(
                f"name: {name!r} cannot be a name; give 1 to 255 characters without spaces around them"
            )
        specs = params["specs"]
        return cls(
            name=name,
            consumer=params["consumer"],
            specs=None if specs is None else _keys(specs),
            volume_types=params["volume_types"],
        )


@dataclass(frozen=True)
class Observed:
    """The QoS spec as it is, and what its plan depends on."""

    spec: QosSpec
    volume_types: tuple[VolumeTypeRef, ...] = ()


@dataclass(frozen=True)
class TypeCatalogue:
    """The cloud's volume types.

    :ivar known: all of them.
    :ivar users: volume type id to name of the *other* QoS spec that it uses.
    """

    known: tuple[VolumeTypeRef, ...] = ()
    users: Mapping[str, str] | None = None

    def find(self, name_or_id: str) -> VolumeTypeRef:
        """The type of that name or id.

        :raises InvalidRequest: there is none.
        """
        for volume_type in self.known:
            if name_or_id in (volume_type.id, volume_type.name):
                return volume_type
        names = ", ".join(sorted(volume_type.name for volume_type in self.known)) or "none"
        raise InvalidRequest(f"volume_types: no volume type {name_or_id!r}; the cloud has: {names}")

    def refuse_users_of_others(self, wanted: Collection[VolumeTypeRef]) -> None:
        """Cinder does not move a type from one QoS spec to another.

        :raises Conflict: one of them uses another QoS spec.
        """
        for volume_type in wanted:
            other = (self.users or {}).get(volume_type.id)
            if other is not None:
                raise Conflict(
                    f"volume_types: volume type {volume_type.name} uses QoS spec {other}, and can use one:"
                    f" take it out of the volume_types of {other} first"
                )


def find(specs: Collection[QosSpec], name_or_id: str) -> QosSpec | None:
    """The QoS spec of that id, else the one of that name.

    :raises Conflict: several bear the name.
    """
    by_id = [spec for spec in specs if spec.id == name_or_id]
    found = by_id or [spec for spec in specs if spec.name == name_or_id]
    if len(found) > 1:
        raise Conflict(
            f"name: {len(found)} QoS specs are named {name_or_id}; give the id of one: "
            + ", ".join(spec.id for spec in found)
        )
    return found[0] if found else None


def facts(spec: QosSpec, volume_types: Collection[VolumeTypeRef]) -> Facts:
    """A QoS spec in a module's result."""
    return {
        "id": spec.id or None,
        "name": spec.name,
        "consumer": spec.consumer,
        "specs": dict(sorted(spec.specs.items())),
        "volume_types": [
            {"id": volume_type.id, "name": volume_type.name}
            for volume_type in sorted(volume_types, key=lambda volume_type: volume_type.name)
        ],
    }


def plan_present(desired: Desired, observed: Observed | None, types: TypeCatalogue) -> Plan:
    """Make it so, or keep it so.

    :raises InvalidRequest: a volume type does not exist.
    :raises Conflict: a volume type uses another QoS spec.
    """
    changes: list[Change] = []
    if observed is None:
        after = QosSpec("", desired.name, desired.consumer or DEFAULT_CONSUMER, dict(desired.specs or {}))
        changes.append(Change(Action.CREATE, None, after))
        held: tuple[VolumeTypeRef, ...] = ()
    else:
        after = _updated(desired, observed.spec)
        changes += _property_changes(observed.spec, after)
        held = observed.volume_types
    wanted = (
        held if desired.volume_types is None else _unique(types.find(each) for each in desired.volume_types)
    )
    types.refuse_users_of_others([each for each in wanted if each not in held])
    changes += [Change(Action.DISASSOCIATE, each, None) for each in held if each not in wanted]
    changes += [Change(Action.ASSOCIATE, None, each) for each in wanted if each not in held]
    return Plan(
        before=None if observed is None else facts(observed.spec, observed.volume_types),
        after=facts(after, wanted),
        changes=tuple(changes),
    )


def plan_absent(observed: Observed | None, force: bool) -> Plan:
    """Be rid of it.

    :param force: Cinder's own switch: also when volume types use it.
    :raises Conflict: volume types use it, and it is not forced.
    """
    if observed is None:
        return Plan(before=None, after=None)
    if observed.volume_types and not force:
        raise Conflict(
            f"QoS spec {observed.spec.name} is in use by volume types "
            + ", ".join(sorted(each.name for each in observed.volume_types))
            + "; disassociate them (state=present, volume_types=[]), or delete it with force=true"
        )
    return Plan(
        before=facts(observed.spec, observed.volume_types),
        after=None,
        changes=(Change(Action.DELETE, observed.spec, None),),
    )


def _keys(specs: Mapping[str, Any]) -> dict[str, str]:
    keys = {key: value for key, value in texts("specs", specs).items() if value is not None}
    for key, value in keys.items():
        if key in _RESERVED_KEYS:
            raise InvalidRequest(f"specs.{key}: Cinder keeps this key for itself; take another name")
        if not _KEY.fullmatch(key):
            raise InvalidRequest(
                f"specs: {key!r} cannot be a key; give 1 to 255 letters, digits, spaces or any of - _ : . /"
            )
        if len(value) > 255:
            raise InvalidRequest(f"specs.{key}: {len(value)} characters are too many; give 255 at most")
    return keys


def _updated(desired: Desired, spec: QosSpec) -> QosSpec:
    return QosSpec(
        id=spec.id,
        name=spec.name,
        consumer=spec.consumer if desired.consumer is None else desired.consumer,
        specs=spec.specs if desired.specs is None else desired.specs,
    )


def _property_changes(before: QosSpec, after: QosSpec) -> list[Change]:
    changes = []
    if after.consumer != before.consumer:
        changes.append(Change(Action.SET_CONSUMER, before.consumer, after.consumer))
    new = {key: value for key, value in after.specs.items() if before.specs.get(key) != value}
    if new:
        changes.append(Change(Action.SET_KEYS, {key: before.specs.get(key) for key in new}, new))
    gone = {key: value for key, value in before.specs.items() if key not in after.specs}
    if gone:
        changes.append(Change(Action.UNSET_KEYS, gone, None))
    return changes


def _unique(volume_types: Any) -> tuple[VolumeTypeRef, ...]:
    return tuple(dict.fromkeys(volume_types))
