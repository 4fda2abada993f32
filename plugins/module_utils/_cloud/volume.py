# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder's volumes and attachments as values.

Shapes: Block Storage API v3, "Volumes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: A volume in one of these can be used, or is being used.
USABLE = frozenset({"available", "in-use", "reserved", "attaching", "detaching"})
#: A volume in one of these is on its way to `available`.
FILLING = frozenset({"downloading", "restoring-backup"})
COMING = frozenset({"creating"}) | FILLING
#: A volume in one of these has never been what it should become, so nothing in it can be lost.
NOT_MADE = frozenset({"error", "error_restoring"})


@dataclass(frozen=True)
class Attachment:
    """A completed attachment of a volume, as the volume itself lists it."""

    id: str
    server_id: str
    """Empty where the attachment was made without Nova."""
    host: str = ""
    device: str = ""
    """Where Nova says the guest sees it, a guess which guests do not always follow. Without Nova, the id of
    the node, which the driver gave as mount point."""

    @property
    def node_id(self) -> str:
        """The id under which the cluster knows who has it; empty for a stranger."""
        return self.server_id or (self.device if self.device.startswith("host=") else "")


@dataclass(frozen=True)
class Origin:
    """What a volume was filled with when it was made: one id, or none for an empty volume."""

    snapshot_id: str = ""
    volume_id: str = ""
    backup_id: str = ""
    """Of a volume that Cinder describes, always empty: it does not say. The one who asked for it knows."""

    def __str__(self) -> str:
        named = {"snapshot": self.snapshot_id, "volume": self.volume_id, "backup": self.backup_id}
        return next((f"{kind} {each}" for kind, each in named.items() if each), "nothing")


@dataclass(frozen=True)
class AttachmentRecord:
    """An attachment in whatever state, as Cinder's attachments API lists it."""

    id: str
    server_id: str
    """Empty where the attachment was made without Nova."""
    status: str
    """``reserved``, ``attaching``, ``attached``, ``detached``, ``error_attaching`` or ``error_detaching``."""


@dataclass(frozen=True)
class Volume:
    """A volume as Cinder describes it."""

    id: str
    name: str
    status: str
    size: int
    """GiB."""
    type: str
    zone: str
    multiattach: bool = False
    encrypted: bool = False
    """By whoever attaches it, with a key of Cinder's key manager."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    origin: Origin = Origin()
    description: str = ""

    def attachment_to(self, node_id: str) -> Attachment | None:
        return next((each for each in self.attachments if each.node_id == node_id), None)

    def attached_to(self, node_id: str) -> bool:
        return self.attachment_to(node_id) is not None

    def holders(self, but: str = "") -> str:
        """Name the servers, or hosts, that it is attached to, without the node ``but``."""
        return ", ".join(
            each.server_id or each.host or each.node_id or "an unknown host"
            for each in self.attachments
            if not but or each.node_id != but
        )

    def node_ids(self) -> list[str]:
        """The ids under which the cluster knows those that have it."""
        return [each.node_id for each in self.attachments if each.node_id]

    def __str__(self) -> str:
        return f"volume {self.id} ({self.name})" if self.name else f"volume {self.id}"


@dataclass(frozen=True)
class Hints:
    """Where Cinder's scheduler is to put a volume: on the back end of each of these volumes, or of none."""

    same_host: tuple[str, ...] = ()
    different_host: tuple[str, ...] = ()


@dataclass(frozen=True)
class VolumeRequest:
    """What to create. Empty strings leave the choice to Cinder."""

    name: str
    size: int
    """GiB."""
    type: str = ""
    zone: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = Origin()
    multiattach: bool = False
    """Whether several servers shall be able to have it at the same time: only its type makes it so."""
    hints: Hints = Hints()


def from_api(body: Mapping[str, Any]) -> Volume:
    """Read the ``volume`` object of an answer in detail."""
    return Volume(
        id=body["id"],
        name=body.get("name") or "",
        status=body["status"],
        size=body["size"],
        type=body.get("volume_type") or "",
        zone=body.get("availability_zone") or "",
        multiattach=bool(body.get("multiattach")),
        encrypted=bool(body.get("encrypted")),
        metadata=dict(body.get("metadata") or {}),
        attachments=tuple(
            Attachment(
                id=attachment.get("attachment_id") or "",
                server_id=attachment.get("server_id") or "",
                host=attachment.get("host_name") or "",
                device=attachment.get("device") or "",
            )
            for attachment in body.get("attachments") or ()
        ),
        description=body.get("description") or "",
        origin=Origin(snapshot_id=body.get("snapshot_id") or "", volume_id=body.get("source_volid") or ""),
    )


def to_api(request: VolumeRequest) -> dict[str, Any]:
    """Write the body of a create request."""
    hints = {key: list(value) for key, value in vars(request.hints).items() if value}
    return {"volume": _to_api(request)} | ({"OS-SCH-HNT:scheduler_hints": hints} if hints else {})


def _to_api(request: VolumeRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"name": request.name, "size": request.size, "metadata": dict(request.metadata)}
    if request.description:
        body["description"] = request.description
    if request.type:
        body["volume_type"] = request.type
    if request.zone:
        body["availability_zone"] = request.zone
    origin = request.origin
    for key, source in (
        ("snapshot_id", origin.snapshot_id),
        ("source_volid", origin.volume_id),
        ("backup_id", origin.backup_id),
    ):
        if source:
            body[key] = source
    return body
