# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachments as CSI wants them: each call may come again, and comes to the same end.

An attachment that is there is a success, and so is one that is not there any more.
"""

from __future__ import annotations

from typing import Protocol

from ...plugins.module_utils._cloud.errors import Busy, InUse, NotFound
from ...plugins.module_utils._cloud.volume import COMING, Volume
from ...plugins.module_utils._cloud.waiting import Deadline
from .recent import STILL_TRUE, Recent


class AttachedVolumesPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.volumes.Volumes for what each call means."""

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None: ...
    def wait_until_usable(self, volume: Volume, deadline: Deadline) -> Volume: ...
    def wait_until_attached(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume: ...
    def wait_until_detached(self, volume_id: str, server_id: str, deadline: Deadline) -> None: ...
    def delete_attachment(self, attachment_id: str, deadline: Deadline) -> None: ...


class ServersPort(Protocol):
    """Nova, as this layer needs it. See _cloud.servers.Servers."""

    def exists(self, server_id: str, deadline: Deadline) -> bool: ...
    def attach(self, server_id: str, volume_id: str, deadline: Deadline) -> None: ...
    def detach(self, server_id: str, volume_id: str, deadline: Deadline) -> None: ...


class ServerAttachments:
    """Attachments of volumes to Nova's servers."""

    def __init__(self, volumes: AttachedVolumesPort, servers: ServersPort) -> None:
        self._volumes = volumes
        self._servers = servers
        self._attached: Recent[tuple[str, str], Volume] = Recent(STILL_TRUE)
        self._detached: Recent[tuple[str, str], bool] = Recent(STILL_TRUE)

    def attach(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume:
        """Return a volume that is attached to a server.

        :raises NotFound: there is no such volume, or no such server.
        :raises InUse: another server has it.
        """
        self._detached.drop((volume_id, server_id))
        volume = self._attached.get((volume_id, server_id))
        if volume is None:
            volume = self._attach(volume_id, server_id, deadline)
            self._attached.put((volume_id, server_id), volume)
        return volume

    def _attach(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume:
        try:
            self._servers.attach(server_id, volume_id, deadline)
        except (InUse, NotFound) as refused:
            now = self._volumes.find(volume_id, deadline)
            if now is None:
                raise NotFound(f"volume {volume_id} does not exist") from refused
            if now.attached_to(server_id):
                return now
            if isinstance(refused, NotFound):
                raise NotFound(f"server {server_id} does not exist") from refused
            if now.status in COMING:
                self._volumes.wait_until_usable(now, deadline)
                self._servers.attach(server_id, volume_id, deadline)
            elif now.attachments and not now.multiattach:
                raise InUse(
                    f"{now} is attached to {now.holders()}, and can be attached to one server only"
                ) from refused
            elif now.status == "detaching":
                raise Busy(f"{now} is being detached") from refused
            elif now.status not in ("reserved", "attaching"):
                raise
        return self._volumes.wait_until_attached(volume_id, server_id, deadline)

    def detach(self, volume_id: str, server_id: str, deadline: Deadline) -> None:
        """Return when a volume is not attached to a server, or is gone, or the server is."""
        self._attached.drop((volume_id, server_id))
        if not self._detached.get((volume_id, server_id)):
            self._detach(volume_id, server_id, deadline)
            self._detached.put((volume_id, server_id), True)

    def _detach(self, volume_id: str, server_id: str, deadline: Deadline) -> None:
        try:
            self._servers.detach(server_id, volume_id, deadline)
        except NotFound:
            now = self._volumes.find(volume_id, deadline)
            if now is None or not now.attached_to(server_id):
                return
            if self._servers.exists(server_id, deadline):
                raise
            # The server went without giving the volume back.
            for attachment in now.attachments:
                if attachment.server_id == server_id:
                    self._volumes.delete_attachment(attachment.id, deadline)
        except InUse:
            now = self._volumes.find(volume_id, deadline)
            if now is None or not now.attached_to(server_id):
                return
            if now.status != "detaching":
                raise
        self._volumes.wait_until_detached(volume_id, server_id, deadline)

    def detach_everywhere(self, volume_id: str, deadline: Deadline) -> None:
        """Return when a volume is not attached to any server, or is gone."""
        now = self._volumes.find(volume_id, deadline)
        for attachment in now.attachments if now else ():
            self.detach(volume_id, attachment.server_id, deadline)
