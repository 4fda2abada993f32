# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VolumeSnapshotClass parameters of the Cinder driver."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...plugins.module_utils._cloud.errors import InvalidRequest
from . import names
from .known_parameters import check_known

TYPE = "type"
FORCE_CREATE = "force-create"
BACKUP_SECONDS_PER_GB = "backup-max-duration-seconds-per-gb"
AVAILABILITY = "availability"
#: What cloud-provider-openstack takes for yes and no: the words of Go's strconv.ParseBool.
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
KNOWN = (TYPE, FORCE_CREATE, BACKUP_SECONDS_PER_GB, AVAILABILITY)
#: The snapshotter's own parameters, which describe the VolumeSnapshot.
DESCRIBING = (names.SNAPSHOT_NAME, names.SNAPSHOT_NAMESPACE, names.SNAPSHOT_CONTENT_NAME)


class Kind(enum.Enum):
    """What a VolumeSnapshot is in Cinder."""

    SNAPSHOT = "snapshot"
    BACKUP = "backup"


@dataclass(frozen=True)
class SnapshotParameters:
    """What a VolumeSnapshotClass asks for."""

    kind: Kind = Kind.SNAPSHOT
    force: bool = True
    """Also of a volume that is attached."""
    backup_zone: str = ""
    """Empty leaves the choice to Cinder."""
    describing: Mapping[str, str] = field(default_factory=dict)
    """What the snapshotter says of the VolumeSnapshot, by the names that metadata uses."""


def parse(parameters: Mapping[str, str]) -> SnapshotParameters:
    """Read the parameters of a CreateSnapshot request.

    A backup is waited for by asking again, for as long as it takes, so the limit of its duration is
    checked and has no other effect.

    :raises InvalidRequest: one is unknown or has a wrong value; says what would be right.
    """
    check_known("VolumeSnapshotClass", parameters, KNOWN, DESCRIBING)
    seconds = parameters.get(BACKUP_SECONDS_PER_GB, "1")
    if not (seconds.isascii() and seconds.isdigit() and seconds.strip("0")):
        raise InvalidRequest(
            f"VolumeSnapshotClass parameter {BACKUP_SECONDS_PER_GB} {seconds!r} is not a number of seconds"
        )
    return SnapshotParameters(
        kind=_kind(parameters.get(TYPE) or Kind.SNAPSHOT.value),
        force=_truth(FORCE_CREATE, parameters.get(FORCE_CREATE, "true")),
        backup_zone=parameters.get(AVAILABILITY, ""),
        describing={name: parameters[name] for name in DESCRIBING if name in parameters},
    )


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError as unknown:
        wanted = " or ".join(kind.value for kind in Kind)
        raise InvalidRequest(f"VolumeSnapshotClass parameter {TYPE} {text!r}: give {wanted}") from unknown


def _truth(name: str, text: str) -> bool:
    if text not in (*_TRUE, *_FALSE):
        raise InvalidRequest(f"VolumeSnapshotClass parameter {name} {text!r}: give true or false")
    return text in _TRUE
