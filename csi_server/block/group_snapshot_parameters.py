# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VolumeGroupSnapshotClass parameters of the Cinder driver."""

from __future__ import annotations

from collections.abc import Mapping

from ...plugins.module_utils._cloud.errors import InvalidRequest
from .known_parameters import check_known

GROUP_TYPE = "group-type"
#: The snapshotter's own parameters, which describe the VolumeGroupSnapshot.
DESCRIBING = (
    "csi.storage.k8s.io/volumegroupsnapshot/name",
    "csi.storage.k8s.io/volumegroupsnapshot/namespace",
    "csi.storage.k8s.io/volumegroupsnapshotcontent/name",
)


def parse(parameters: Mapping[str, str]) -> str:
    """Return the group type, by name or id, that a VolumeGroupSnapshotClass asks for.

    :raises InvalidRequest: it is missing, or a parameter is unknown.
    """
    check_known("VolumeGroupSnapshotClass", parameters, (GROUP_TYPE,), DESCRIBING)
    if not parameters.get(GROUP_TYPE):
        raise InvalidRequest(
            f"VolumeGroupSnapshotClass parameter {GROUP_TYPE} is missing: give the name of one of Cinder's"
            " group types"
        )
    return parameters[GROUP_TYPE]
