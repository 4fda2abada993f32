# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachments without Nova: the controller exports a volume to a node, and the node connects by itself.

The node's id is its connector. It is given to Cinder as the attachment's mount point too, so that Cinder
keeps which node an attachment is for, and a restarted driver finds it there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from ...plugins.module_utils._cloud.errors import (
    Busy,
    CloudError,
    InUse,
    InvalidRequest,
    NotFound,
    Unanswered,
)
from ...plugins.module_utils._cloud.observing import UNOBSERVED, Observer, observed_wait
from ...plugins.module_utils._cloud.volume import COMING, AttachmentRecord, Volume
from ...plugins.module_utils._cloud.waiting import Deadline, Pace
from . import connector, names
from .attachment_plan import ATTACHED, HELD, Patience, not_free_yet
from .attachments import PACE, SETTLED
from .node_loads import NodeLoads
from .recent import Recent
from .sightings import Sightings

LOG = logging.getLogger(__name__)
#: Statuses of a volume that is being given to a node, which may not be the first.
_ON_ITS_WAY = frozenset({"reserved", "attaching"})


class ExportedVolumesPort(Protocol):
    """Cinder's volumes, as this layer needs them. See _cloud.volumes.Volumes."""

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None: ...
    def wait_until_usable(self, volume: Volume, deadline: Deadline) -> Volume: ...
    def all_mine(self, deadline: Deadline) -> Mapping[str, Volume]: ...


class ExportsPort(Protocol):
    """Cinder's attachments, as this layer needs them. See _cloud.attachments.Attachments."""

    def create(self, volume_id: str, connector: Mapping[str, Any], deadline: Deadline) -> str: ...
    def connection(self, attachment_id: str, deadline: Deadline) -> dict[str, Any]: ...
    def complete(self, attachment_id: str, deadline: Deadline) -> None: ...
    def delete(self, attachment_id: str, deadline: Deadline) -> None: ...
    def of_volume(self, volume_id: str, deadline: Deadline) -> tuple[AttachmentRecord, ...]: ...
    def release(self, volume_id: str, deadline: Deadline) -> None: ...


class ConnectorAttachments:
    """Attachments of volumes to nodes by their connectors.

    :param mine: metadata that marks a volume as made by this driver for this cluster.
    :param limit: how many volumes a node may have.
    """

    def __init__(
        self,
        volumes: ExportedVolumesPort,
        exports: ExportsPort,
        mine: Mapping[str, str],
        limit: int,
        patience: Patience | None = None,
        pace: Pace = PACE,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._volumes = volumes
        self._exports = exports
        self._mine = mine
        self._patience = patience or Patience()
        self._pace = pace
        self._observer = observer
        self._sightings = Sightings()
        self._loads = NodeLoads(limit, lambda deadline: volumes.all_mine(deadline).values(), mine)
        self._unanswered: Recent[tuple[str, str], bool] = Recent(self._patience.unanswered)

    def attach(self, volume_id: str, node_id: str, deadline: Deadline) -> Volume:
        """Return a volume that is attached to a node, and to no other.

        :raises NotFound: there is no such volume, or the node's id is no connector.
        :raises InvalidRequest: the volume is of a type that hypervisors encrypt.
        :raises InUse: another node has it, or it cannot be attached as it is.
        :raises OutOfCapacity: the node has all the volumes that it may have.
        """
        volume = self._find(volume_id, deadline)
        if others := volume.holders(but=node_id):
            raise InUse(f"{volume} is attached to {others}, and is published for one node at a time")
        return self._attach(volume, node_id, deadline)

    def attach_shared(self, volume_id: str, node_id: str, deadline: Deadline) -> Volume:
        """Return a volume that is attached to a node, whichever others have it.

        :raises NotFound: there is no such volume, or the node's id is no connector.
        :raises InvalidRequest: the volume is of a type that hypervisors encrypt.
        :raises InUse: another node has it, and it can have one attachment only; or it cannot be attached
            as it is.
        :raises OutOfCapacity: the node has all the volumes that it may have.
        """
        volume = self._find(volume_id, deadline)
        if not volume.multiattach and (others := volume.holders(but=node_id)):
            raise InUse(f"{volume} is attached to {others}, and can be attached to one node only")
        return self._attach(volume, node_id, deadline)

    def _attach(self, volume: Volume, node_id: str, deadline: Deadline) -> Volume:
        if volume.encrypted:
            # os-brick would connect it as it is, and what is written to it would be in the clear.
            raise InvalidRequest(
                f"{volume} is of type {volume.type}, which the hypervisor encrypts, and without Nova there is"
                " none: use a StorageClass of another type, with encrypted: 'true' to have the node encrypt"
            )
        if volume.attached_to(node_id):
            self._loads.keep(volume, node_id)
            return volume
        try:
            wanted = {**connector.decode(node_id), "mountpoint": node_id}
        except connector.BadConnector as error:
            raise NotFound(str(error)) from error
        if volume.status in COMING:
            volume = self._volumes.wait_until_usable(volume, deadline)
        self._set_right(volume, deadline)
        with self._loads.place(volume, node_id, deadline):
            self._export(volume, wanted, deadline)
        return self._find(volume.id, deadline)

    def _export(self, volume: Volume, wanted: Mapping[str, Any], deadline: Deadline) -> None:
        try:
            made = self._exports.create(volume.id, wanted, deadline)
        except Unanswered:
            self._unanswered.put((volume.id, wanted["mountpoint"]), True)
            raise
        try:
            self._exports.complete(made, deadline)
        except CloudError as failure:
            self._give_back(made, failure, deadline)
            raise

    def detach(self, volume_id: str, node_id: str, deadline: Deadline) -> None:
        """Return when a volume is not attached to a node and will not be, or is gone.

        :raises Busy: it is not attached, but an attach whose answer was lost may still be carried out.
        """
        volume = self._volumes.find(volume_id, deadline)
        if volume is None:
            self._loads.free(volume_id, node_id)
            return
        own = [attachment for attachment in volume.attachments if attachment.node_id == node_id]
        for attachment in own:
            self._exports.delete(attachment.id, deadline)
        self._loads.free(volume_id, node_id)
        if self._is_mine(volume):
            self._set_right(volume, deadline)
        if own or volume.status in _ON_ITS_WAY:
            # If an answer was lost, this was what had been asked for.
            self._unanswered.drop((volume_id, node_id))
        elif self._unanswered.get((volume_id, node_id)):
            raise Busy(f"the answer to the request to attach {volume} was lost: it may still be carried out")

    def detach_everywhere(self, volume_id: str, deadline: Deadline) -> None:
        """Return when a volume is not attached to any node, or is gone."""
        volume = self._volumes.find(volume_id, deadline)
        for node_id in volume.node_ids() if volume else ():
            self.detach(volume_id, node_id, deadline)

    def free(self, volume_id: str, refused: CloudError, deadline: Deadline) -> None:
        """Return when nothing holds a volume that no node has, or when there is no such volume.

        :param refused: why it could not be deleted.
        :raises InUse: ``refused`` where a node has it; or it was not made by this driver for this cluster.
        :raises Busy: somebody may be about to attach it.
        """
        volume = self._volumes.find(volume_id, deadline)
        if volume is None:
            return
        if volume.attachments:
            raise refused
        records = frozenset(self._exports.of_volume(volume_id, deadline))
        unchanged = self._sightings.unchanged(volume_id, (volume.status, records))
        if (busy := not_free_yet(volume, records, unchanged, self._patience)) is not None:
            raise busy
        self._set_right(volume, deadline)

    def node_context(self, volume: Volume, node_id: str, deadline: Deadline) -> dict[str, str]:
        """Return what the node needs to reach a volume that is attached to it."""
        attachment = volume.attachment_to(node_id)
        if attachment is None:
            raise NotFound(f"{volume} is not attached to node {node_id}")
        connection = self._exports.connection(attachment.id, deadline)
        return {names.CONNECTION: json.dumps(connection, sort_keys=True)}

    def _find(self, volume_id: str, deadline: Deadline) -> Volume:
        volume = self._volumes.find(volume_id, deadline)
        if volume is None:
            raise NotFound(f"volume {volume_id} does not exist")
        return volume

    def _set_right(self, volume: Volume, deadline: Deadline) -> None:
        """Free a volume that says it is held, of what no node has heard of.

        :raises InUse: it was not made by this driver.
        """
        if volume.status not in (_ON_ITS_WAY if volume.attachments else HELD):
            return
        if not self._is_mine(volume):
            raise InUse(
                f"{volume} is {volume.status}, and was not made by this driver for this cluster: whoever"
                " made it may finish that, or undo it with openstack volume attachment delete, or with"
                " openstack volume set --state available"
            )
        self._remove_half_made(volume, deadline)

        def look() -> bool | None:
            return self._is_free(volume.id, deadline) or None

        if look() is None:
            what = f"{volume} to be {volume.status} no longer"
            observed_wait(self._observer, SETTLED, look, what, deadline, self._pace)

    def _remove_half_made(self, volume: Volume, deadline: Deadline) -> None:
        """Remove what an attach left that was ended half way.

        The caller holds the volume's lock, so no attach of this process is under way; that of another one may
        have ended since the volume was looked at.
        """
        complete = {attachment.id for attachment in volume.attachments}
        for record in self._exports.of_volume(volume.id, deadline):
            if record.id not in complete and record.status != ATTACHED and not record.server_id:
                self._exports.delete(record.id, deadline)

    def _is_free(self, volume_id: str, deadline: Deadline) -> bool:
        """Whether an attachment stands behind a volume's status, or the status says that there is none.

        One that nothing has stood behind for a while is released: until then somebody may be at work.
        """
        volume = self._volumes.find(volume_id, deadline)
        if volume is None or volume.status not in HELD or self._exports.of_volume(volume_id, deadline):
            return True
        look = volume.status, frozenset[AttachmentRecord]()
        if self._sightings.unchanged(volume_id, look) < self._patience.half_made:
            return False
        LOG.info("releasing a volume", extra={"volume_id": volume_id, "status": volume.status})
        self._exports.release(volume_id, deadline)
        return True

    def _is_mine(self, volume: Volume) -> bool:
        return self._mine.items() <= volume.metadata.items()

    def _give_back(self, attachment_id: str, failure: CloudError, deadline: Deadline) -> None:
        try:
            self._exports.delete(attachment_id, deadline)
        except CloudError as second:
            failure.add_note(f"attachment {attachment_id} is left over: {second}")
