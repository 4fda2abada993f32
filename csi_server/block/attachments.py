# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachments as CSI wants them: each call may come again, and comes to the same end.

An attachment that is there is a success, and so is one that is not there any more. Nova is asked without
looking first; only when it refuses, the situation is looked at, planned for (attachment_plan.py) and
repaired.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from ...plugins.module_utils._cloud.errors import CloudError, InUse, NotFound, Unanswered
from ...plugins.module_utils._cloud.observing import UNOBSERVED, Observer, observed_wait
from ...plugins.module_utils._cloud.volume import AttachmentRecord, Volume
from ...plugins.module_utils._cloud.waiting import Deadline, Pace
from . import attachment_plan as plan
from . import names
from .recent import STILL_TRUE, Recent
from .sightings import Sightings

LOG = logging.getLogger(__name__)
#: How often somebody else's work on a volume is looked at.
PACE = Pace(first=0.5, second=0.5, growth=1.5, longest=3.0)
#: What that is called in the metrics.
SETTLED = "attachment_settled"

_Ask = Callable[[str, str, Deadline], None]
_Planner = Callable[[plan.Situation, str, CloudError, plan.Patience], plan.Action]


class AttachedVolumesPort(Protocol):
    """Cinder's volumes, as this layer needs them. See _cloud.volumes.Volumes for what each call means."""

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None: ...
    def wait_until_usable(self, volume: Volume, deadline: Deadline) -> Volume: ...
    def wait_until_attached(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume: ...
    def wait_until_detached(self, volume_id: str, server_id: str, deadline: Deadline) -> str: ...


class RecordsPort(Protocol):
    """Cinder's attachments, as this layer needs them. See _cloud.attachments.Attachments."""

    def of_volume(self, volume_id: str, deadline: Deadline) -> tuple[AttachmentRecord, ...]: ...
    def delete(self, attachment_id: str, deadline: Deadline) -> None: ...
    def complete(self, attachment_id: str, deadline: Deadline) -> None: ...
    def release(self, volume_id: str, deadline: Deadline) -> None: ...
    def roll_back_detaching(self, volume_id: str, deadline: Deadline) -> None: ...


class ServersPort(Protocol):
    """Nova, as this layer needs it. See _cloud.servers.Servers."""

    def volumes_of(self, server_id: str, deadline: Deadline) -> frozenset[str] | None: ...
    def attach(self, server_id: str, volume_id: str, deadline: Deadline) -> None: ...
    def attach_shared(self, server_id: str, volume_id: str, deadline: Deadline) -> None: ...
    def detach(self, server_id: str, volume_id: str, deadline: Deadline) -> None: ...


def _free(now: plan.Situation, server_id: str, refused: CloudError, patience: plan.Patience) -> plan.Action:
    return plan.plan_free(now, refused, patience)


class ServerAttachments:
    """Attachments of volumes to Nova's servers.

    :param mine: metadata that marks a volume as made by this driver for this cluster.
    """

    def __init__(
        self,
        volumes: AttachedVolumesPort,
        records: RecordsPort,
        servers: ServersPort,
        mine: Mapping[str, str],
        patience: plan.Patience | None = None,
        pace: Pace = PACE,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._volumes = volumes
        self._records = records
        self._servers = servers
        self._mine = mine
        self._patience = patience or plan.Patience()
        self._pace = pace
        self._observer = observer
        self._sightings = Sightings()
        self._attached: Recent[tuple[str, str], Volume] = Recent(STILL_TRUE)
        self._detached: Recent[tuple[str, str], bool] = Recent(STILL_TRUE)
        self._unanswered: Recent[tuple[str, str], bool] = Recent(self._patience.unanswered)

    def attach(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume:
        """Return a volume that is attached to a server, and to no other.

        :raises NotFound: there is no such volume, or no such server.
        :raises InUse: another server has it, or it cannot be attached as it is.
        """
        # A volume that could have several attachments is refused here, and asked for again below when it
        # has none: so no volume has to be read before it is attached.
        volume = self._once(self._servers.attach, plan.plan_attach, volume_id, server_id, deadline)
        if others := volume.holders(but=server_id):
            raise InUse(f"{volume} is attached to {others}, and is published for one node at a time")
        return volume

    def attach_shared(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume:
        """Return a volume that is attached to a server, whichever others have it.

        :raises NotFound: there is no such volume, or no such server.
        :raises InUse: another server has it, and it can have one attachment only; or it cannot be attached
            as it is.
        """
        return self._once(
            self._servers.attach_shared, plan.plan_attach_shared, volume_id, server_id, deadline
        )

    def _once(
        self, ask: _Ask, planner: _Planner, volume_id: str, server_id: str, deadline: Deadline
    ) -> Volume:
        self._detached.drop((volume_id, server_id))
        volume = self._attached.get((volume_id, server_id))
        if volume is None:
            volume = self._attach(ask, planner, volume_id, server_id, deadline)
            self._attached.put((volume_id, server_id), volume)
        return volume

    def _attach(
        self, ask: _Ask, planner: _Planner, volume_id: str, server_id: str, deadline: Deadline
    ) -> Volume:
        try:
            self._ask(ask, volume_id, server_id, deadline)
        except (InUse, NotFound) as refused:
            found = self._follow(planner, volume_id, server_id, refused, deadline)
            if found is None:
                raise NotFound(f"volume {volume_id} does not exist") from refused
            if found.attached_to(server_id):
                return found
        return self._volumes.wait_until_attached(volume_id, server_id, deadline)

    def _ask(self, ask: _Ask, volume_id: str, server_id: str, deadline: Deadline) -> None:
        try:
            ask(server_id, volume_id, deadline)
        except Unanswered:
            self._unanswered.put((volume_id, server_id), True)
            raise

    def detach(self, volume_id: str, server_id: str, deadline: Deadline) -> None:
        """Return when a volume is not attached to a server and will not be, or is gone, or the server is.

        :raises InUse: the server's or the volume's state forbids it.
        :raises Busy: it is not attached, but an attach whose answer was lost may still be carried out.
        """
        self._attached.drop((volume_id, server_id))
        if not self._detached.get((volume_id, server_id)):
            self._detach(volume_id, server_id, deadline)
            self._detached.put((volume_id, server_id), True)

    def _detach(self, volume_id: str, server_id: str, deadline: Deadline) -> None:
        try:
            self._servers.detach(server_id, volume_id, deadline)
        except (InUse, NotFound) as refused:
            found = self._follow(plan.plan_detach, volume_id, server_id, refused, deadline)
            if found is None or not found.attached_to(server_id):
                return
        status = self._volumes.wait_until_detached(volume_id, server_id, deadline)
        # If an answer was lost, this was what had been asked for.
        self._unanswered.drop((volume_id, server_id))
        if status not in ("", "available", "in-use"):
            # A second, half-made attachment to the same server holds it still.
            left = InUse(f"volume {volume_id} is {status} after it was detached from server {server_id}")
            self._follow(plan.plan_detach, volume_id, server_id, left, deadline)

    def detach_everywhere(self, volume_id: str, deadline: Deadline) -> None:
        """Return when a volume is not attached to any server, or is gone."""
        for record in self._records.of_volume(volume_id, deadline):
            if record.server_id:
                self.detach(volume_id, record.server_id, deadline)

    def free(self, volume_id: str, refused: CloudError, deadline: Deadline) -> None:
        """Return when nothing holds a volume that no server has, or when there is no such volume.

        :param refused: why it could not be deleted.
        :raises InUse: ``refused`` where a server has it, or had it when it was deleted, or where something
            else is in the way; or it was not made by this driver for this cluster.
        :raises Busy: somebody may be about to attach it.
        """
        self._follow(_free, volume_id, "", refused, deadline)

    def node_context(self, volume: Volume, node_id: str, deadline: Deadline) -> dict[str, str]:
        """Return what the node is told of a volume that is attached to it."""
        attachment = volume.attachment_to(node_id)
        return {names.DEVICE_PATH: attachment.device if attachment else ""}

    def _follow(
        self, planner: _Planner, volume_id: str, server_id: str, refused: CloudError, deadline: Deadline
    ) -> Volume | None:
        """Do what a planner says until Nova has taken the request, or nothing is left to do.

        :return: the volume as it was seen last, None when there is none.
        """
        done: list[plan.Action] = []
        while True:
            volume, action = self._next(planner, volume_id, server_id, refused, deadline)
            if isinstance(action, plan.Refuse):
                raise action.error from refused
            if isinstance(action, plan.Done):
                return volume
            if action in done:
                raise refused
            if volume is None:
                return None
            done.append(action)
            LOG.info("setting an attachment right", extra={"volume_id": volume_id, "action": repr(action)})
            try:
                self._act(action, volume, server_id, deadline)
            except (InUse, NotFound) as again:
                if not isinstance(action, plan.Attach | plan.Detach):
                    raise
                refused = again
            else:
                if isinstance(action, plan.Attach | plan.Detach):
                    return volume

    def _next(
        self, planner: _Planner, volume_id: str, server_id: str, refused: CloudError, deadline: Deadline
    ) -> tuple[Volume | None, plan.Action]:
        """Look until there is something to do but to wait."""
        waited_for = f"volume {volume_id} to settle"

        def look() -> tuple[Volume | None, plan.Action] | None:
            nonlocal waited_for
            now = self._situation(volume_id, server_id, deadline)
            if now is None:
                return None, plan.Done()
            action = planner(now, server_id, refused, self._patience)
            if isinstance(action, plan.Wait):
                waited_for = action.until
                return None
            return now.volume, action

        return look() or observed_wait(self._observer, SETTLED, look, waited_for, deadline, self._pace)[0]

    def _situation(self, volume_id: str, server_id: str, deadline: Deadline) -> plan.Situation | None:
        volume = self._volumes.find(volume_id, deadline)
        if volume is None:
            return None
        records = self._records.of_volume(volume_id, deadline)
        ids = {each for each in (server_id, *(record.server_id for record in records)) if each}
        servers = {each: self._server(each, volume_id, deadline) for each in sorted(ids)}
        unchanged = self._sightings.unchanged(
            volume_id, (volume.status, frozenset(records), frozenset(servers.items()))
        )
        ours = all(volume.metadata.get(key) == value for key, value in self._mine.items())
        coming = bool(self._unanswered.get((volume_id, server_id)))
        return plan.Situation(volume, records, servers, ours, unchanged, coming)

    def _server(self, server_id: str, volume_id: str, deadline: Deadline) -> plan.Server:
        volumes = self._servers.volumes_of(server_id, deadline)
        if volumes is None:
            return plan.Server.GONE
        return plan.Server.WITH if volume_id in volumes else plan.Server.WITHOUT

    def _act(self, action: plan.Action, volume: Volume, server_id: str, deadline: Deadline) -> None:
        match action:
            case plan.AwaitCreation():
                self._volumes.wait_until_usable(volume, deadline)
            case plan.Attach():
                self._ask(self._servers.attach_shared, volume.id, server_id, deadline)
            case plan.Detach(attachment):
                self._records.complete(attachment, deadline)
                self._servers.detach(server_id, volume.id, deadline)
            case plan.Remove(attachments):
                for attachment in attachments:
                    self._records.delete(attachment, deadline)
            case plan.Complete(attachment):
                self._records.complete(attachment, deadline)
            case plan.RollBack():
                self._records.roll_back_detaching(volume.id, deadline)
            case plan.Release():
                self._records.release(volume.id, deadline)
