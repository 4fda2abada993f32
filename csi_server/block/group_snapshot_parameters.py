# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VolumeGroupSnapshotClass parameters of the Cinder driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...plugins.module_utils._cloud.errors import InvalidRequest
from .known_parameters import check_known

GROUP_TYPE = "group-type"
CONSISTENT = "consistent"
KNOWN = (GROUP_TYPE, CONSISTENT)
#: The snapshotter's own parameters, which describe the VolumeGroupSnapshot.
DESCRIBING = (
    "csi.storage.k8s.io/volumegroupsnapshot/name",
    "csi.storage.k8s.io/volumegroupsnapshot/namespace",
    "csi.storage.k8s.io/volumegroupsnapshotcontent/name",
)


@dataclass(frozen=True)
class GroupSnapshotParameters:
    """What a VolumeGroupSnapshotClass asks for."""

    group_type: str
    """Name or id."""
    vouched: bool = False
    """The class says that the type's snapshots are of one moment, for where Cinder does not tell."""


def parse(parameters: Mapping[str, str]) -> GroupSnapshotParameters:
    """Read the parameters of a CreateVolumeGroupSnapshot request.

    :raises InvalidRequest: the group type is missing, a parameter is unknown, or its value is none.
    """
    check_known("VolumeGroupSnapshotClass", parameters, KNOWN, DESCRIBING)
    if not parameters.get(GROUP_TYPE):
        raise InvalidRequest(
            f"VolumeGroupSnapshotClass parameter {GROUP_TYPE} is missing: give the name of one of Cinder's"
            " group types"
        )
    consistent = parameters.get(CONSISTENT, "false")
    if consistent not in ("true", "false"):
        raise InvalidRequest(
            f"VolumeGroupSnapshotClass parameter {CONSISTENT} is {consistent!r}: give 'true' or 'false'"
        )
    return GroupSnapshotParameters(parameters[GROUP_TYPE], consistent == "true")
