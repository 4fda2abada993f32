# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova: attaching volumes to servers.

Source: Compute API v2.1, "Servers with volume attachments".
"""

from __future__ import annotations

from .api import Api
from .errors import Forbidden, InUse, InvalidRequest, NotFound, OutOfCapacity
from .paths import segment
from .waiting import Deadline

#: The first version that attaches volumes which may have several attachments.
MICROVERSION = "2.60"
#: The last version that refuses such volumes.
SINGLE_ATTACHMENT = "2.59"
#: Nova's only way to say that a server's hypervisor is down: a 409 with these words.
_DOWN = "Service is unavailable at this time"


class Servers:
    """Adapter over Nova's API.

    :param api: Nova, at MICROVERSION or later.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def volumes_of(self, server_id: str, deadline: Deadline) -> frozenset[str] | None:
        """Return the ids of the volumes that a server has or is getting, None without such a server."""
        try:
            body = self._api.request(
                "server_volume_list",
                "GET",
                f"/servers/{segment(server_id)}/os-volume_attachments",
                f"read the volumes of server {server_id}",
                deadline,
            )
        except NotFound:
            return None
        return frozenset(each["volumeId"] for each in body["volumeAttachments"])

    def attach(self, server_id: str, volume_id: str, deadline: Deadline) -> None:
        """Ask for a volume that can have one attachment to be attached to a server.

        :raises NotFound: the server or the volume does not exist.
        :raises InUse: the volume, or the server, is in a state that forbids it; the volume can have
            several attachments.
        :raises OutOfCapacity: the server has as many volumes as it can have.
        """
        self._attach(server_id, volume_id, SINGLE_ATTACHMENT, deadline)

    def attach_shared(self, server_id: str, volume_id: str, deadline: Deadline) -> None:
        """Ask for a volume to be attached to a server, whichever other servers have it.

        :raises: as ``attach``; InUse if another server has a volume that can have one attachment only.
        """
        self._attach(server_id, volume_id, MICROVERSION, deadline)

    def _attach(self, server_id: str, volume_id: str, microversion: str, deadline: Deadline) -> None:
        try:
            self._api.request(
                "volume_attach",
                "POST",
                f"/servers/{segment(server_id)}/os-volume_attachments",
                f"attach volume {volume_id} to server {server_id}",
                deadline,
                json={"volumeAttachment": {"volumeId": volume_id}},
                microversion=microversion,
            )
        except Forbidden as refused:
            # Nova's only way to say that a server is full: a 403 with these words.
            if "maximum allowed number of disk devices" in refused.message:
                raise OutOfCapacity(refused.message, refused.request_id) from refused
            raise
        except InvalidRequest as refused:
            raise InUse(refused.message, refused.request_id) from refused

    def detach(self, server_id: str, volume_id: str, deadline: Deadline) -> None:
        """Ask for a volume to be detached from a server.

        :raises NotFound: the server does not exist, or the volume is not attached to it.
        :raises InUse: the volume, or the server, is in a state that forbids it; its hypervisor is down.
        """
        try:
            self._api.request(
                "volume_detach",
                "DELETE",
                f"/servers/{segment(server_id)}/os-volume_attachments/{segment(volume_id)}",
                f"detach volume {volume_id} from server {server_id}",
                deadline,
            )
        except InvalidRequest as refused:
            raise InUse(refused.message, refused.request_id) from refused
        except InUse as refused:
            if _DOWN not in refused.message:
                raise
            raise InUse(
                f"{refused.message}: the server's hypervisor is down. Once an administrator has evacuated or"
                " deleted the server (openstack server evacuate, openstack server delete), the volume can be"
                " detached",
                refused.request_id,
            ) from refused
