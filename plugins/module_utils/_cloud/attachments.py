# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: attachments in whatever state, and what sets a volume right that lost track of its own.

Source: Block Storage API v3, "Attachments" and "Volume actions".
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from .api import Api
from .errors import InUse, InvalidRequest, NotFound
from .paths import segment
from .volume import AttachmentRecord
from .waiting import Deadline


class Attachments:
    """Adapter over Cinder's API.

    :param api: Cinder, at 3.44 or later.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def of_volume(self, volume_id: str, deadline: Deadline) -> tuple[AttachmentRecord, ...]:
        """Return all attachments of a volume, also those that its own listing leaves out."""
        body = self._api.request(
            "attachment_list",
            "GET",
            "/attachments",
            f"list the attachments of volume {volume_id}",
            deadline,
            params={"volume_id": volume_id},
        )
        return tuple(
            AttachmentRecord(each["id"], each.get("instance") or "", each["status"])
            for each in body["attachments"]
        )

    def create(self, volume_id: str, connector: Mapping[str, Any], deadline: Deadline) -> str:
        """Export a volume to a connector. Return the attachment's id; it still has to be completed.

        :param connector: as os-brick describes a host, with ``mountpoint``.
        :raises InUse: the volume's state forbids it.
        """
        try:
            body = self._api.request(
                "attachment_create",
                "POST",
                "/attachments",
                f"attach volume {volume_id} to host {connector['host']}",
                deadline,
                json={"attachment": {"volume_uuid": volume_id, "connector": dict(connector)}},
            )
        except InvalidRequest as refused:
            raise InUse(refused.message, refused.request_id) from refused
        return str(body["attachment"]["id"])

    def connection(self, attachment_id: str, deadline: Deadline) -> dict[str, Any]:
        """Return how to reach the volume of an attachment: os-brick's connection, secrets included."""
        body = self._api.request(
            "attachment_get",
            "GET",
            f"/attachments/{segment(attachment_id)}",
            f"read attachment {attachment_id}",
            deadline,
        )
        return dict(body["attachment"]["connection_info"])

    def delete(self, attachment_id: str, deadline: Deadline) -> None:
        """Delete an attachment; Cinder derives the volume's status from those that remain.

        :raises InUse: Nova still has it, and alone may take it back.
        """
        with contextlib.suppress(NotFound):
            self._api.request(
                "attachment_delete",
                "DELETE",
                f"/attachments/{segment(attachment_id)}",
                f"delete attachment {attachment_id}",
                deadline,
            )

    def complete(self, attachment_id: str, deadline: Deadline) -> None:
        """Mark an attachment as attached, and its volume as in use.

        :raises NotFound: there is no such attachment.
        """
        self._api.request(
            "attachment_complete",
            "POST",
            f"/attachments/{segment(attachment_id)}/action",
            f"complete attachment {attachment_id}",
            deadline,
            json={"os-complete": None},
        )

    def release(self, volume_id: str, deadline: Deadline) -> None:
        """Make a volume that has no attachment available again.

        One that it has got meanwhile, and that Nova has not made complete, goes with it.
        """
        self._act("volume_release", volume_id, "os-detach", f"release volume {volume_id}", deadline)

    def roll_back_detaching(self, volume_id: str, deadline: Deadline) -> None:
        """Take a volume from ``detaching`` back to ``in-use``."""
        action = f"take back the detaching of volume {volume_id}"
        self._act("volume_roll_detaching", volume_id, "os-roll_detaching", action, deadline)

    def _act(self, name: str, volume_id: str, verb: str, action: str, deadline: Deadline) -> None:
        try:
            self._api.request(
                name, "POST", f"/volumes/{segment(volume_id)}/action", action, deadline, json={verb: {}}
            )
        except InvalidRequest as refused:
            raise InUse(refused.message, refused.request_id) from refused
