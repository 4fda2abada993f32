# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller: the volumes that there are, where they are published, and how they are.

Listings hold the volumes of this cluster, of every cloud; that of the volumes, others that are published too.

Source: CSI specification 1.13, "Controller Service RPC".
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import ClassVar

import grpc

from ...plugins.module_utils._cloud.errors import NotFound
from ...plugins.module_utils._cloud.volume import Volume
from ...plugins.module_utils._cloud.waiting import Deadline
from ..proto import csi_pb2 as csi
from ..rpc import pages
from ..rpc.deadlines import deadline_of
from . import health, sizes
from .controller_part import BlockCloud, ControllerPart, Kinds, Rpc, asked, find, require


class ListingRpcs(ControllerPart):
    """ListVolumes, ControllerGetVolume, ControllerListVolumeHealth, ControllerGetVolumeHealth."""

    CAPABILITIES: ClassVar[Kinds] = (
        Rpc.LIST_VOLUMES,
        Rpc.LIST_VOLUMES_PUBLISHED_NODES,
        Rpc.GET_VOLUME,
        Rpc.VOLUME_CONDITION,
        Rpc.GET_VOLUME_HEALTH,
        Rpc.LIST_VOLUME_HEALTH,
    )

    def ListVolumes(
        self, request: csi.ListVolumesRequest, context: grpc.ServicerContext
    ) -> csi.ListVolumesResponse:
        deadline = deadline_of(context)
        mine = self._all({}, deadline)
        volumes = [*mine, *self._published_strangers({each.id for each in mine}, deadline)]
        page = pages.page(volumes, request.max_entries, request.starting_token)
        return csi.ListVolumesResponse(
            entries=[
                csi.ListVolumesResponse.Entry(
                    volume=self._described(each),
                    status=csi.ListVolumesResponse.VolumeStatus(
                        published_node_ids=each.node_ids(),
                        volume_condition=health.condition(health.of_volume(each)),
                    ),
                )
                for each in page.entries
            ],
            next_token=page.next_token,
        )

    def ControllerGetVolume(
        self, request: csi.ControllerGetVolumeRequest, context: grpc.ServicerContext
    ) -> csi.ControllerGetVolumeResponse:
        require(request, "volume_id")
        volume = self._find_volume(request.volume_id, {}, deadline_of(context))
        return csi.ControllerGetVolumeResponse(
            volume=self._described(volume),
            status=csi.ControllerGetVolumeResponse.VolumeStatus(
                published_node_ids=volume.node_ids(),
                volume_condition=health.condition(health.of_volume(volume)),
            ),
        )

    def ControllerListVolumeHealth(
        self, request: csi.ControllerListVolumeHealthRequest, context: grpc.ServicerContext
    ) -> csi.ControllerListVolumeHealthResponse:
        volumes = self._all(request.secrets, deadline_of(context))
        ill = [each for each in volumes if health.of_volume(each)]
        page = pages.page(ill, request.max_entries, request.starting_token)
        return csi.ControllerListVolumeHealthResponse(
            entries=[health.encode(each.id, health.of_volume(each)) for each in page.entries],
            next_token=page.next_token,
        )

    def ControllerGetVolumeHealth(
        self, request: csi.ControllerGetVolumeHealthRequest, context: grpc.ServicerContext
    ) -> csi.ControllerGetVolumeHealthResponse:
        require(request, "volume_id")
        volume = self._find_volume(request.volume_id, request.secrets, deadline_of(context))
        return csi.ControllerGetVolumeHealthResponse(
            volume_health=health.encode(volume.id, health.of_volume(volume))
        )

    def _all(self, secrets: Mapping[str, str], deadline: Deadline) -> list[Volume]:
        return [each for cloud in asked(self._clouds, secrets) for each in cloud.volumes.listed(deadline)]

    def _published_strangers(self, mine: Set[str], deadline: Deadline) -> list[Volume]:
        """Return the volumes that are published here and were not made for this cluster.

        Their PersistentVolumes were made by hand, or for another cluster. The attacher takes an attached
        volume that is not listed for a detached one, and has it published again and again.
        """
        found = []
        for volume_id in self._published.volumes() - mine:
            try:
                found.append(self._find_volume(volume_id, {}, deadline))
            except NotFound:
                self._published.forget(volume_id, "")
        return found

    def _find_volume(self, volume_id: str, secrets: Mapping[str, str], deadline: Deadline) -> Volume:
        found = find(self._clouds, secrets, lambda cloud: _volume_in(cloud, volume_id, deadline))
        if found is None:
            raise NotFound(f"volume {volume_id} does not exist")
        return found

    def _described(self, volume: Volume) -> csi.Volume:
        return csi.Volume(
            volume_id=volume.id,
            capacity_bytes=volume.size * sizes.GIB,
            accessible_topology=self._options.zones.around(volume.zone),
        )


def _volume_in(cloud: BlockCloud, volume_id: str, deadline: Deadline) -> Volume | None:
    """Return a volume of a cloud, None when it has none of that id."""
    try:
        return cloud.volumes.find(volume_id, deadline)
    except NotFound:
        return None
