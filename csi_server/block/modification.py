# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of type and metadata as CSI wants them: the call may come again, and comes to the same end."""

from __future__ import annotations

from typing import Protocol

from ...plugins.module_utils._cloud.errors import Busy, Failed, InUse, InvalidRequest, NotFound
from ...plugins.module_utils._cloud.volume import Volume
from ...plugins.module_utils._cloud.volume_changes import CHANGING
from ...plugins.module_utils._cloud.waiting import Deadline
from .mutable_parameters import MutableParameters


class ModifiedVolumesPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.volume_changes.VolumeChanges."""

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None: ...
    def type_name(self, type_id_or_name: str, deadline: Deadline) -> str: ...
    def retype(self, volume_id: str, new_type: str, migration_policy: str, deadline: Deadline) -> None: ...
    def set_metadata(self, volume_id: str, metadata: dict[str, str], deadline: Deadline) -> None: ...
    def wait_until_retyped(self, volume_id: str, deadline: Deadline) -> Volume: ...


class VolumeModification:
    """Volumes that change, attached or not."""

    def __init__(self, volumes: ModifiedVolumesPort) -> None:
        self._volumes = volumes

    def modify(self, volume_id: str, wanted: MutableParameters, deadline: Deadline) -> None:
        """Return when a volume has the type and the metadata asked for; what it has already stays as it is.

        :raises NotFound: there is no volume of that id.
        :raises InvalidRequest: there is no such type, or the volume cannot have it.
        :raises QuotaExceeded: the project's quota of the type does not allow it.
        :raises InUse: it cannot have the type while it is attached.
        :raises Busy: something else is being done to it.
        """
        volume = self._volumes.find(volume_id, deadline)
        if volume is None:
            raise NotFound(f"volume {volume_id} does not exist")
        if wanted.type:
            name = self._volumes.type_name(wanted.type, deadline)
            volume = self._with_type(volume, name, wanted.migration_policy, deadline)
        missing = {key: value for key, value in wanted.metadata.items() if volume.metadata.get(key) != value}
        if missing:
            self._volumes.set_metadata(volume_id, missing, deadline)

    def _with_type(self, volume: Volume, name: str, policy: str, deadline: Deadline) -> Volume:
        if volume.status in CHANGING:
            # An earlier call's work, which may be this very change.
            volume = self._volumes.wait_until_retyped(volume.id, deadline)
        if volume.type == name:
            return volume
        if volume.status.startswith("error"):
            raise Failed(f"{volume} cannot get the type {name}: its status is {volume.status}")
        if volume.status not in ("available", "in-use"):
            raise Busy(f"{volume} cannot get the type {name} now: its status is {volume.status}")
        try:
            self._volumes.retype(volume.id, name, policy, deadline)
        except InvalidRequest as refused:
            if volume.attachments:
                raise InUse(f"{refused.message}; it is attached", refused.request_id) from refused
            raise
        settled = self._volumes.wait_until_retyped(volume.id, deadline)
        if settled.type == name:
            return settled
        why = (
            "no back end takes it, or it has snapshots"
            if policy != "never"
            else "its back end does not have that type, or would have to move the data, which"
            " migration-policy never forbids (on-demand allows it)"
        )
        raise InvalidRequest(f"Cinder gave up changing {settled} from type {settled.type} to {name}: {why}")
