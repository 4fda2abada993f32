# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder's snapshots as values.

Shapes: Block Storage API v3, "Volume snapshots".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .timestamps import moment

#: A snapshot in one of these can be the source of a volume.
USABLE = frozenset({"available", "backing-up"})


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as Cinder describes it."""

    id: str
    name: str
    status: str
    size: int
    """GiB of the volume that it was taken of."""
    volume_id: str
    created_at: datetime
    group_snapshot_id: str = ""
    """Empty for a snapshot that was taken alone."""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Whether what is written to the volume from now on is not in it any more."""
        return self.status != "creating"

    @property
    def ready(self) -> bool:
        return self.status in USABLE

    def __str__(self) -> str:
        return f"snapshot {self.id} ({self.name})" if self.name else f"snapshot {self.id}"


@dataclass(frozen=True)
class SnapshotRequest:
    """What to create."""

    name: str
    volume_id: str
    force: bool = True
    """Also of a volume that is attached: the snapshot is what a crash would leave."""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def from_api(body: Mapping[str, Any]) -> Snapshot:
    """Read the ``snapshot`` object of an answer."""
    return Snapshot(
        id=body["id"],
        name=body.get("name") or "",
        status=body["status"],
        size=body["size"],
        volume_id=body["volume_id"],
        created_at=moment(body["created_at"]),
        group_snapshot_id=body.get("group_snapshot_id") or "",
        metadata=dict(body.get("metadata") or {}),
    )


def to_api(request: SnapshotRequest) -> dict[str, Any]:
    """Write the ``snapshot`` object of a create request."""
    return {
        "name": request.name,
        "volume_id": request.volume_id,
        "force": request.force,
        "description": request.description,
        "metadata": dict(request.metadata),
    }
