# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder's groups of volumes, and the snapshots taken of them, as values.

Shapes: Block Storage API v3, "Generic volume groups", "Group types" and "Group snapshots".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .timestamps import moment

#: The group spec, and its value, of types whose groups have snapshots of one moment.
CONSISTENT, IS_CONSISTENT = "consistent_group_snapshot_enabled", "<is> True"


@dataclass(frozen=True)
class Group:
    """A group as Cinder describes it."""

    id: str
    name: str
    status: str
    description: str
    volume_ids: frozenset[str]

    def __str__(self) -> str:
        return f"group {self.id} ({self.name})"


@dataclass(frozen=True)
class GroupType:
    """A type of groups as Cinder describes it."""

    id: str
    name: str
    specs: Mapping[str, str] | None
    """Its group specs, None where the credential may not read them."""

    @property
    def consistent(self) -> bool | None:
        """Whether the snapshots of a group are of one moment, None when Cinder does not tell."""
        return None if self.specs is None else self.specs.get(CONSISTENT) == IS_CONSISTENT


@dataclass(frozen=True)
class GroupRequest:
    """What to create."""

    name: str
    description: str
    group_type: str
    """Name or id."""
    volume_types: tuple[str, ...]
    """Names of the types of all volumes that are to be in it."""
    zone: str


@dataclass(frozen=True)
class GroupSnapshot:
    """A snapshot of a group as Cinder describes it."""

    id: str
    name: str
    status: str
    description: str
    group_id: str
    created_at: datetime

    @property
    def ready(self) -> bool:
        return self.status == "available"

    def __str__(self) -> str:
        return f"group snapshot {self.id} ({self.name})"


def group_from_api(body: Mapping[str, Any]) -> Group:
    """Read the ``group`` object of an answer that lists its volumes."""
    return Group(
        id=body["id"],
        name=body.get("name") or "",
        status=body["status"],
        description=body.get("description") or "",
        volume_ids=frozenset(body.get("volumes") or ()),
    )


def group_type_from_api(body: Mapping[str, Any]) -> GroupType:
    """Read a ``group_type`` object."""
    return GroupType(body["id"], body["name"], body.get("group_specs"))


def group_snapshot_from_api(body: Mapping[str, Any]) -> GroupSnapshot:
    """Read the ``group_snapshot`` object of an answer in detail."""
    return GroupSnapshot(
        id=body["id"],
        name=body.get("name") or "",
        status=body["status"],
        description=body.get("description") or "",
        group_id=body.get("group_id") or "",
        created_at=moment(body["created_at"]),
    )


def to_api(request: GroupRequest) -> dict[str, Any]:
    """Write the ``group`` object of a create request."""
    return {
        "name": request.name,
        "description": request.description,
        "group_type": request.group_type,
        "volume_types": list(request.volume_types),
        "availability_zone": request.zone,
    }
