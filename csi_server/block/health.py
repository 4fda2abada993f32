# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a volume, in the words of CSI 1.13 and, for older kubelets, of 1.12.

Source: CSI specification 1.13, "VolumeHealth"; 1.12, "VolumeCondition".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...plugins.module_utils._cloud.volume import Volume
from ..proto import csi_pb2 as csi


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    :ivar status: csi.DEGRADED, csi.INACCESSIBLE or csi.DATA_LOSS.
    :ivar reason: one word in CamelCase, for machines.
    :ivar message: a sentence for a person.
    """

    status: csi.VolumeHealthErrorType.ValueType
    reason: str
    message: str


#: What Cinder's states of failure mean for who uses the volume.
#: Source: Block Storage API v3, "Volumes", on their statuses.
_STATES = {
    "error": Problem(csi.INACCESSIBLE, "VolumeError", "Cinder reports the volume as failed"),
    "error_deleting": Problem(csi.INACCESSIBLE, "DeletionFailed", "Cinder could not delete the volume"),
    "error_extending": Problem(csi.DEGRADED, "ExpansionFailed", "Cinder could not expand the volume"),
    "error_backing-up": Problem(csi.DEGRADED, "BackupFailed", "Cinder could not back the volume up"),
    "error_restoring": Problem(
        csi.DATA_LOSS, "RestoreFailed", "Cinder could not restore the volume from its backup: what it holds"
        " is neither the old nor the new data"
    ),
    "error_managing": Problem(csi.INACCESSIBLE, "ManagingFailed", "Cinder could not take the volume over"),
    "maintenance": Problem(csi.DEGRADED, "Maintenance", "Cinder has the volume in maintenance"),
}  # fmt: skip


def of_volume(volume: Volume) -> list[Problem]:
    """Return what is wrong with a volume as far as Cinder knows."""
    if volume.status in _STATES:
        return [_STATES[volume.status]]
    if volume.status.startswith("error"):
        return [Problem(csi.INACCESSIBLE, "VolumeError", f"the volume's status in Cinder is {volume.status}")]
    if volume.status == "in-use" and not volume.attachments:
        return [
            Problem(
                csi.INACCESSIBLE,
                "AttachmentMissing",
                "Cinder has the volume in use, and attached to nothing: no node can get it",
            )
        ]
    return []


def encode(volume_id: str, problems: Sequence[Problem]) -> csi.VolumeHealth:
    """Write VolumeHealth."""
    return csi.VolumeHealth(
        volume_id=volume_id,
        health_statuses=[
            csi.VolumeHealth.VolumeHealthEntry(status=each.status, reason=each.reason, message=each.message)
            for each in problems
        ],
    )


def condition(problems: Sequence[Problem]) -> csi.VolumeCondition:
    """Write VolumeCondition."""
    return csi.VolumeCondition(
        abnormal=bool(problems),
        message="; ".join(each.message for each in problems) or "no problem is known",
    )
