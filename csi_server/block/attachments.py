# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachments as CSI wants them: each call may come again, and comes to the same end.

An attachment that is there is a success, and so is one that is not there any more.
"""

from __future__ import annotations

from collections.abc import Callable
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
    def attach_shared(self, server_id: str, volume_id: str, deadline: Deadline) -> None: ...
    def detach(self, server_id: str, volume_id: str, deadline: Deadline) -> None: ...


_Ask = Callable[[str, str, Deadline], None]
_Check = Callable[[Volume, str], None]


class ServerAttachments:
    """Attachments of volumes to Nova's servers."""

    def __init__(self, volumes: AttachedVolumesPort, servers: ServersPort) -> None:
        self._volumes = volumes
        self._servers = servers
        self._attached: Recent[tuple[str, str], Volume] = Recent(STILL_TRUE)
        self._detached: Recent[tuple[str, str], bool] = Recent(STILL_TRUE)

    def attach(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume:
        """Return a volume that is attached to a server, and to no other.

        :raises NotFound: there is no such volume, or no such server.
        :raises InUse: another server has it.
        """
        # A volume that could have several attachments is refused here, and asked for again below when it
        # has none: so no volume has to be read before it is attached.
        return self._once(self._servers.attach, volume_id, server_id, deadline, _check_unshared)

    def attach_shared(self, volume_id: str, server_id: str, deadline: Deadline) -> Volume:
        """Return a volume that is attached to a server, whichever others have it.

        :raises NotFound: there is no such volume, or no such server.
        :raises InUse: another server has it, and it can have one attachment only.
        """
        return self._once(self._servers.attach_shared, volume_id, server_id, deadline, _check_shared)

    def _once(self, ask: _Ask, volume_id: str, server_id: str, deadline: Deadline, check: _Check) -> Volume:
        self._detached.drop((volume_id, server_id))
        volume = self._attached.get((volume_id, server_id))
        if volume is None:
            volume = self._attach(ask, volume_id, server_id, deadline, check)
            self._attached.put((volume_id, server_id), volume)
        check(volume, server_id)
        return volume

    def _attach(self, ask: _Ask, volume_id: str, server_id: str, deadline: Deadline, check: _Check) -> Volume:
        try:
            ask(server_id, volume_id, deadline)
        except (InUse, NotFound) as refused:
            now = self._volumes.find(volume_id, deadline)
            if now is None:
                raise NotFound(f"volume {volume_id} does not exist") from refused
            check(now, server_id)
            if now.attached_to(server_id):
                return now
            if isinstance(refused, NotFound):
                raise NotFound(f"server {server_id} does not exist") from refused
            if now.status in COMING:
                self._volumes.wait_until_usable(now, deadline)
                self._servers.attach_shared(server_id, volume_id, deadline)
            elif now.multiattach:
                self._servers.attach_shared(server_id, volume_id, deadline)
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


def _check_unshared(volume: Volume, server_id: str) -> None:
    if others := volume.holders(but=server_id):
        raise InUse(f"{volume} is attached to {others}, and is published for one node at a time")


def _check_shared(volume: Volume, server_id: str) -> None:
    if not volume.multiattach and (others := volume.holders(but=server_id)):
        raise InUse(f"{volume} is attached to {others}, and can be attached to one server only")
