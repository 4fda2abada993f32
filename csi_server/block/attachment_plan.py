# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about a volume that Nova refuses to attach or to detach, or Cinder to delete for being held.

It is decided here, and done elsewhere.

Attachments decide, not the volume's status: who has the volume is what Cinder's attachments and Nova's
servers say together. The status only tells whether somebody works on it, and is repaired where it lies.
What nobody holds is repaired for volumes of this driver and cluster alone, and half-made attachments only
when they have stayed as they are for a while: until then somebody may be at work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from ...plugins.module_utils._cloud.errors import Busy, CloudError, InUse, NotFound
from ...plugins.module_utils._cloud.volume import COMING, AttachmentRecord, Volume


class Server(Enum):
    """What Nova says of a server."""

    GONE = auto()
    """There is no such server."""
    WITHOUT = auto()
    """It is there, and does not have the volume."""
    WITH = auto()
    """It has the volume, or is getting it."""


@dataclass(frozen=True)
class Situation:
    """A volume as Cinder and Nova show it.

    :ivar records: all its attachments.
    :ivar servers: each server that a record names, and the one that the call is about.
    :ivar ours: this driver made the volume for this cluster.
    :ivar unchanged: seconds for which all this has been so.
    :ivar coming: an attach to the server of the call, whose answer was lost, may still be carried out.
    """

    volume: Volume
    records: tuple[AttachmentRecord, ...]
    servers: Mapping[str, Server]
    ours: bool
    unchanged: float
    coming: bool = False


@dataclass(frozen=True)
class Patience:
    """Seconds for which something half-made must have stayed as it is before it is repaired."""

    half_made: float = 8.0
    at_nova: float = 300.0
    """Of what Nova lists, and thus works on: it attaches one volume after another to a server."""
    detaching: float = 180.0
    """A hypervisor asks its guest for a device 8 times, 20 s apart, before it gives up."""
    before_deletion: float = 60.0
    """Of what is half-made, when the volume is lost with it: Nova shows a server that is to be booted from a
    volume only when it has found a host for it."""
    unanswered: float = 120.0
    """Not of what is there, but of what may come: an attach whose answer was lost waits in Nova while the
    server is busy with something else, and shows nowhere until then."""


@dataclass(frozen=True)
class Done:
    """It is as it should be."""


@dataclass(frozen=True)
class Wait:
    """Somebody is at work: look again."""

    until: str
    """What is waited for."""


@dataclass(frozen=True)
class AwaitCreation:
    """The volume is still being made."""


@dataclass(frozen=True)
class Attach:
    """Ask Nova again to attach it."""


@dataclass(frozen=True)
class Detach:
    """Complete an attachment that Nova has, which makes the volume's statuses true, and ask Nova again."""

    attachment: str


@dataclass(frozen=True)
class Remove:
    """Delete attachments that nobody holds."""

    attachments: tuple[str, ...]


@dataclass(frozen=True)
class Complete:
    """Complete an attachment that Nova has: the volume is in use, whatever its status says."""

    attachment: str


@dataclass(frozen=True)
class RollBack:
    """Take the volume from ``detaching`` back to ``in-use``."""


@dataclass(frozen=True)
class Release:
    """Make a volume available that says it is held and has no attachment."""


@dataclass(frozen=True)
class Refuse:
    """Give up, with the reason."""

    error: CloudError


Action = Done | Wait | AwaitCreation | Attach | Detach | Remove | Complete | RollBack | Release | Refuse

ATTACHED = "attached"
#: Statuses that say that somebody has the volume or works on it.
HELD = frozenset({"reserved", "attaching", "detaching", "in-use", "error_attaching", "error_detaching"})
#: Of those, the statuses that somebody who is at work ends soon.
_AT_WORK = frozenset({"reserved", "attaching", "detaching"})


def plan_attach(now: Situation, server_id: str, refused: CloudError, patience: Patience) -> Action:
    """Decide how a volume comes to a server, and to no other.

    :param refused: what Nova answered to the request to attach.
    """
    blocked = _make_way(now, server_id, patience)
    if blocked is not None:
        return blocked
    if now.records:
        return _refuse_second(now, "is published for one node at a time")
    return _attach_free(now, refused, patience)


def plan_attach_shared(now: Situation, server_id: str, refused: CloudError, patience: Patience) -> Action:
    """Decide how a volume comes to a server, whichever others have it.

    :param refused: what Nova answered to the request to attach.
    """
    blocked = _make_way(now, server_id, patience)
    if blocked is not None:
        return blocked
    if now.records and not now.volume.multiattach:
        return _refuse_second(now, "can be attached to one server only")
    return _attach_free(now, refused, patience)


def _make_way(now: Situation, server_id: str, patience: Patience) -> Action | None:
    """What comes before the volume can be attached; None when only true holders are in the way, or none."""
    volume = now.volume
    if now.servers[server_id] is Server.GONE:
        return Refuse(NotFound(f"server {server_id} does not exist"))
    if volume.status in COMING:
        return AwaitCreation()
    if now.servers[server_id] is Server.WITH:
        if any(each.status == ATTACHED for each in _of(now, server_id)):
            # A detachment that is under way would take the disk from below the pod.
            underway = volume.status == "detaching"
            return _settled(now, patience.detaching, "to be detached", RollBack()) if underway else Done()
        return _settled(now, patience.at_nova, "to be attached", Refuse(_half_made(now, server_id)))
    left = [each for each in now.records if _is_left_over(now, each, server_id)]
    if left:
        return _repair(now, Remove(tuple(each.id for each in left)))
    orphans = [each for each in now.records if _is_orphan(now, each)]
    if orphans:
        remove = Remove(tuple(each.id for each in orphans))
        return _settled(now, patience.half_made, "to be attached by somebody else", _repair(now, remove))
    return None


def _refuse_second(now: Situation, why: str) -> Refuse:
    if now.volume.status == "detaching":
        return Refuse(Busy(f"{now.volume} is being detached from {_holders(now)}"))
    return Refuse(InUse(f"{now.volume} is attached to {_holders(now)}, and {why}"))


def _attach_free(now: Situation, refused: CloudError, patience: Patience) -> Action:
    """Nothing is in the way but, perhaps, the volume's status."""
    volume = now.volume
    if volume.status == "available" or (volume.status == "in-use" and now.records):
        return Attach()
    if volume.status == "error":
        return Refuse(
            InUse(
                f"{volume} cannot be attached: its status is error. If its data is known to be good, an"
                f" administrator can set it right: openstack volume set --state available {volume.id}"
            )
        )
    if volume.status not in HELD:
        return Refuse(refused)
    made = [each for each in now.records if each.status == ATTACHED]
    if now.records and not made:
        return Wait(f"{volume} to be attached to {_holders(now)}")
    repair = _repair(now, Complete(made[0].id) if made else Release())
    if volume.status in _AT_WORK:
        return _settled(now, patience.half_made, f"to be {volume.status} no longer", repair)
    return repair


def plan_detach(now: Situation, server_id: str, refused: CloudError, patience: Patience) -> Action:
    """Decide how a volume leaves a server.

    :param refused: what Nova answered to the request to detach.
    """
    if now.servers[server_id] is Server.WITH:
        return _detach_from_holder(now, server_id, refused, patience)
    own = _of(now, server_id)
    if own:
        remove = Remove(tuple(each.id for each in own))
        if now.servers[server_id] is Server.GONE or all(each.status == ATTACHED for each in own):
            return remove
        return _settled(now, patience.half_made, "to be attached", remove)
    if now.ours and not now.records and now.volume.status in HELD:
        return _settled(now, patience.half_made, f"to be {now.volume.status} no longer", Release())
    if now.coming and now.servers[server_id] is not Server.GONE:
        return Refuse(
            Busy(
                f"the answer to the request to attach {now.volume} to server {server_id} was lost: it may"
                " still be carried out"
            )
        )
    return Done()


def plan_free(now: Situation, refused: CloudError, patience: Patience) -> Action:
    """Decide how a volume that nobody has becomes one that can be deleted.

    :param refused: what Cinder answered to the request to delete.
    """
    if now.volume.status == "available":
        return Done()
    if now.volume.status not in HELD or not all(_is_orphan(now, each) for each in now.records):
        return Refuse(refused)
    if (busy := not_free_yet(now.volume, now.records, now.unchanged, patience)) is not None:
        return Refuse(busy)
    return _repair(now, Remove(tuple(each.id for each in now.records)) if now.records else Release())


def not_free_yet(
    volume: Volume, records: Collection[AttachmentRecord], unchanged: float, patience: Patience
) -> Busy | None:
    """Return why a volume that nobody has is not free yet to be deleted, None when it is.

    :param records: its attachments, all of them half made.
    :param unchanged: seconds for which it has looked as it does.
    """
    if (records or volume.status in _AT_WORK) and unchanged < patience.before_deletion:
        return Busy(f"{volume}, which nobody has, may be attached by somebody in a moment")
    return None


def _detach_from_holder(now: Situation, server_id: str, refused: CloudError, patience: Patience) -> Action:
    volume = now.volume
    attached = [each for each in _of(now, server_id) if each.status in (ATTACHED, "error_detaching")]
    if not attached:
        return _settled(now, patience.at_nova, "to be attached", Refuse(_half_made(now, server_id)))
    if volume.status == "detaching":
        return _settled(now, patience.detaching, "to be detached", RollBack())
    detach = Detach(attached[0].id)
    if volume.status in ("reserved", "attaching"):
        return _settled(now, patience.half_made, "to be attached by somebody else", detach)
    if volume.status in ("in-use", "available", "error", "error_attaching", "error_detaching"):
        return detach
    return Refuse(refused)


def _of(now: Situation, server_id: str) -> list[AttachmentRecord]:
    return [each for each in now.records if each.server_id == server_id]


def _is_left_over(now: Situation, record: AttachmentRecord, server_id: str) -> bool:
    """Of a server that is gone; or of the server of the call, which Nova says does not have the volume."""
    if not record.server_id:
        return False
    server = now.servers[record.server_id]
    own = record.server_id == server_id and record.status == ATTACHED
    return server is Server.GONE or (own and server is Server.WITHOUT)


def _is_orphan(now: Situation, record: AttachmentRecord) -> bool:
    """Half made, and neither Nova nor, where it is of no server, anybody else has begun to use it."""
    if not record.server_id:
        return record.status == "reserved"
    return record.status != ATTACHED and now.servers[record.server_id] is not Server.WITH


def _settled(now: Situation, seconds: float, until: str, then: Action) -> Action:
    return then if now.unchanged >= seconds else Wait(f"{now.volume} {until}")


def _repair(now: Situation, action: Remove | Complete | Release) -> Action:
    if now.ours:
        return action
    return Refuse(
        InUse(
            f"{now.volume} is {now.volume.status}, though no server has it"
            f"{_attachments(now.records)}. It was not made by this driver for this cluster, so that is left"
            " to whoever made it: openstack volume attachment delete, or"
            " openstack volume set --state available"
        )
    )


def _half_made(now: Situation, server_id: str) -> InUse:
    return InUse(
        f"{now.volume} is half attached to server {server_id}: for {now.unchanged:.0f} s Nova has listed it"
        f" there, and Cinder has no completed attachment{_attachments(now.records)}. Only Nova can undo that:"
        " reboot the server with openstack server reboot --hard, then have an administrator set the volume's"
        " state"
    )


def _attachments(records: tuple[AttachmentRecord, ...]) -> str:
    return f" (attachments: {', '.join(f'{r.id} {r.status}' for r in records)})" if records else ""


def _holders(now: Situation) -> str:
    hosts = {each.id: each.host for each in now.volume.attachments}
    return ", ".join(
        f"server {each.server_id}" if each.server_id else f"host {hosts.get(each.id) or 'unknown'}"
        for each in now.records
    )
