# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to attach, where they differ: what the driver is told, who the nodes are, and who has what."""

from __future__ import annotations

from typing import ClassVar

from openstack.block_storage.v3.attachment import Attachment
from openstack.block_storage.v3.volume import Volume
from openstack.connection import Connection

from ansible_collections.mooring.storage.csi_server.block import connector

from .load import AttachingLoad, Load

#: Volumes and the nodes that have them.
Holders = set[tuple[str, str]]


class ThroughNova:
    """Nova attaches volumes to servers, of which the lab has two."""

    name = "nova"
    options: ClassVar[tuple[str, ...]] = ()
    load: ClassVar[type[Load]] = Load
    volume_type = "fast"

    def nodes(self, cloud: Connection) -> list[str]:
        return [server.id for server in cloud.compute.servers()]

    def holders(
        self, cloud: Connection, volumes: list[Volume], records: list[Attachment]
    ) -> tuple[Holders, list[str]]:
        """Return who has which of the volumes by Nova, and where Cinder says otherwise."""
        ids = {volume.id for volume in volumes}
        by_nova = {
            (each.volume_id, server.id)
            for server in cloud.compute.servers()
            for each in cloud.compute.volume_attachments(server)
            if each.volume_id in ids
        }
        by_cinder = {(record.volume_id, record.instance) for record in records}
        wrong = [f"attachment {each} is not Nova's" for each in by_cinder - by_nova]
        wrong += [f"Nova's attachment {each} is not Cinder's" for each in by_nova - by_cinder]
        return by_nova, wrong

    def release(self, cloud: Connection, volumes: set[str]) -> None:
        for server in cloud.compute.servers():
            for attachment in cloud.compute.volume_attachments(server):
                if attachment.volume_id in volumes:
                    cloud.compute.delete_volume_attachment(server, attachment.volume_id)


class ThroughCinder:
    """Cinder exports volumes to hosts. No host of these connectors is there to connect."""

    name = "cinder"
    options: ClassVar[tuple[str, ...]] = ("--attach=cinder",)
    load: ClassVar[type[Load]] = AttachingLoad
    volume_type = "iscsi"

    def nodes(self, cloud: Connection) -> list[str]:
        return [
            connector.encode({"host": f"faults-{number}", "initiator": f"iqn.2026-01.test:faults-{number}"})
            for number in range(3)
        ]

    def holders(
        self, cloud: Connection, volumes: list[Volume], records: list[Attachment]
    ) -> tuple[Holders, list[str]]:
        """Return who has which of the volumes by the mount points, and where there are other attachments."""
        shown = {
            each["attachment_id"]: (volume.id, each["device"])
            for volume in volumes
            for each in volume.attachments
        }
        wrong = [f"attachment {record.id} is no node's" for record in records if record.id not in shown]
        return set(shown.values()), wrong

    def release(self, cloud: Connection, volumes: set[str]) -> None:
        for record in cloud.block_storage.attachments(details=True):
            if record.volume_id in volumes:
                cloud.block_storage.delete_attachment(record)


Way = ThroughNova | ThroughCinder
