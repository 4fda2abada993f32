# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as Kubernetes sends them, with every field that means something."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

GIB = 1024**3
_MODE = csi.VolumeCapability.AccessMode(mode=csi.VolumeCapability.AccessMode.SINGLE_NODE_MULTI_WRITER)
CAPABILITY = csi.VolumeCapability(
    mount=csi.VolumeCapability.MountVolume(fs_type="ext4", mount_flags=["noatime"]), access_mode=_MODE
)
_SIZE = csi.CapacityRange(required_bytes=GIB, limit_bytes=2 * GIB)
_ZONE = csi.Topology(segments={names.TOPOLOGY_ZONE: "az1"})
_CLAIM = {names.CLAIM_NAME: "data", names.CLAIM_NAMESPACE: "default", names.VOLUME_NAME: "pvc-1"}


def of_controller(volume_id: str, node_id: str) -> dict[str, Message]:
    """Requests by their method, of a volume and a node that there are."""
    return {
        "CreateVolume": csi.CreateVolumeRequest(
            name="pvc-1",
            capacity_range=_SIZE,
            volume_capabilities=[CAPABILITY],
            parameters={"type": "fast", "availability": "az1", "encrypted": "false", **_CLAIM},
            mutable_parameters={"type": "fast", "metadata.owner": "me"},
            accessibility_requirements=csi.TopologyRequirement(requisite=[_ZONE], preferred=[_ZONE]),
            secrets={"cloud": "east"},
        ),
        "ControllerPublishVolume": csi.ControllerPublishVolumeRequest(
            volume_id=volume_id, node_id=node_id, volume_capability=CAPABILITY, readonly=True
        ),
        "ControllerUnpublishVolume": csi.ControllerUnpublishVolumeRequest(
            volume_id=volume_id, node_id=node_id
        ),
        "ControllerExpandVolume": csi.ControllerExpandVolumeRequest(
            volume_id=volume_id, capacity_range=_SIZE, volume_capability=CAPABILITY
        ),
        "ControllerModifyVolume": csi.ControllerModifyVolumeRequest(
            volume_id=volume_id, mutable_parameters={"type": "slow", "metadata.owner": "you"}
        ),
        "CreateSnapshot": csi.CreateSnapshotRequest(
            name="snapshot-1",
            source_volume_id=volume_id,
            parameters={"type": "snapshot", "force-create": "true", "availability": "az1"},
        ),
        "ValidateVolumeCapabilities": csi.ValidateVolumeCapabilitiesRequest(
            volume_id=volume_id, volume_capabilities=[CAPABILITY], volume_context={names.ENCRYPTED: "false"}
        ),
        "ControllerListVolumeHealth": csi.ControllerListVolumeHealthRequest(max_entries=1),
        "ControllerGetVolumeHealth": csi.ControllerGetVolumeHealthRequest(volume_id=volume_id),
        "ListSnapshots": csi.ListSnapshotsRequest(source_volume_id=volume_id, max_entries=1),
        "GetSnapshot": csi.GetSnapshotRequest(snapshot_id=volume_id),
        "DeleteSnapshot": csi.DeleteSnapshotRequest(snapshot_id=volume_id),
        "DeleteVolume": csi.DeleteVolumeRequest(volume_id=volume_id),
    }


def of_groups(volume_id: str) -> dict[str, Message]:
    """Requests of GroupController by their method, of a volume that there is."""
    return {
        "CreateVolumeGroupSnapshot": csi.CreateVolumeGroupSnapshotRequest(
            name="together-1", source_volume_ids=[volume_id], parameters={"group-type": "together"}
        ),
        "GetVolumeGroupSnapshot": csi.GetVolumeGroupSnapshotRequest(
            group_snapshot_id=volume_id, snapshot_ids=[volume_id]
        ),
        "DeleteVolumeGroupSnapshot": csi.DeleteVolumeGroupSnapshotRequest(
            group_snapshot_id=volume_id, snapshot_ids=[volume_id]
        ),
    }


def of_node(volume_id: str, folder: str, context: Mapping[str, str]) -> dict[str, Message]:
    """Requests by their method.

    :param folder: where all paths are.
    :param context: the volume's publish context.
    """
    staged, published = f"{folder}/stage", f"{folder}/mount"
    return {
        "NodeStageVolume": csi.NodeStageVolumeRequest(
            volume_id=volume_id,
            staging_target_path=staged,
            volume_capability=CAPABILITY,
            publish_context=context,
            volume_context={names.ENCRYPTED: "false", names.RESIZE_REQUIRED: "true"},
            secrets={names.ENCRYPTION_KEY: "a key of many bytes"},
        ),
        "NodePublishVolume": csi.NodePublishVolumeRequest(
            volume_id=volume_id,
            staging_target_path=staged,
            target_path=published,
            volume_capability=CAPABILITY,
            publish_context=context,
            readonly=True,
        ),
        "NodeExpandVolume": csi.NodeExpandVolumeRequest(
            volume_id=volume_id, volume_path=staged, staging_target_path=staged, capacity_range=_SIZE
        ),
        "NodeGetVolumeStats": csi.NodeGetVolumeStatsRequest(
            volume_id=volume_id, volume_path=published, staging_target_path=staged
        ),
        "NodeGetVolumeHealth": csi.NodeGetVolumeHealthRequest(
            volume_id=volume_id, volume_publish_path=published, staging_target_path=staged
        ),
        "NodeUnpublishVolume": csi.NodeUnpublishVolumeRequest(volume_id=volume_id, target_path=published),
        "NodeUnstageVolume": csi.NodeUnstageVolumeRequest(volume_id=volume_id, staging_target_path=staged),
    }
