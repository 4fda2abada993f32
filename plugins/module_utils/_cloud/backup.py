# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder's backups as values.

Shapes: Block Storage API v3, "Backups".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .timestamps import moment

#: A backup in one of these can be the source of a volume.
USABLE = frozenset({"available", "restoring"})


@dataclass(frozen=True)
class Backup:
    """A backup as Cinder describes it."""

    id: str
    name: str
    status: str
    size: int
    """GiB of the volume that it was taken of."""
    volume_id: str
    created_at: datetime
    snapshot_id: str = ""
    """The snapshot that was copied, which may be gone; empty when the volume itself was."""
    fail_reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return self.status in USABLE

    def __str__(self) -> str:
        return f"backup {self.id} ({self.name})" if self.name else f"backup {self.id}"


@dataclass(frozen=True)
class BackupRequest:
    """What to create. An empty zone leaves the choice to Cinder."""

    name: str
    volume_id: str
    snapshot_id: str
    zone: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def from_api(body: Mapping[str, Any]) -> Backup:
    """Read the ``backup`` object of an answer in detail."""
    return Backup(
        id=body["id"],
        name=body.get("name") or "",
        status=body["status"],
        size=body["size"],
        volume_id=body["volume_id"],
        # A backup holds its volume as it was when the snapshot was taken.
        created_at=moment(body.get("data_timestamp") or body["created_at"]),
        snapshot_id=body.get("snapshot_id") or "",
        fail_reason=body.get("fail_reason") or "",
        metadata=dict(body.get("metadata") or {}),
    )


def to_api(request: BackupRequest) -> dict[str, Any]:
    """Write the ``backup`` object of a create request."""
    body: dict[str, Any] = {
        "name": request.name,
        "volume_id": request.volume_id,
        "snapshot_id": request.snapshot_id,
        "description": request.description,
        "metadata": dict(request.metadata),
    }
    if request.zone:
        body["availability_zone"] = request.zone
    return body
