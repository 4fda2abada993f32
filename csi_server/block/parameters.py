# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StorageClass parameters of the Cinder driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...plugins.module_utils._cloud.errors import InvalidRequest
from . import names
from .known_parameters import check_known

TYPE = "type"
AVAILABILITY = "availability"
ENCRYPTED = "encrypted"
KNOWN = (TYPE, AVAILABILITY, ENCRYPTED)
#: The provisioner's own parameters, which describe the claim.
DESCRIBING = (names.CLAIM_NAME, names.CLAIM_NAMESPACE, names.VOLUME_NAME)
#: The provisioner goes by it, in whatever case, and hands it on all the same: the name that
#: csi.storage.k8s.io/fstype had before.
FORMER_FS_TYPE = "fstype"
#: A field of StorageClasses, which kubespray writes among their parameters.
MISPLACED = "allowVolumeExpansion"
#: Likewise, the names of Secrets from before those with that prefix.
FORMER_SECRETS = tuple(
    f"csi{call}Secret{part}"
    for call in ("Provisioner", "ControllerPublish", "NodeStage", "NodePublish")
    for part in ("Name", "Namespace")
)


@dataclass(frozen=True)
class Parameters:
    """What a StorageClass asks for. Empty strings leave the choice to Cinder."""

    type: str = ""
    availability: str = ""
    encrypted: bool = False
    """The node encrypts the volume, by LUKS."""
    claim: Mapping[str, str] = field(default_factory=dict)
    """What the provisioner says of the claim, by the names that volume metadata uses."""


def parse(parameters: Mapping[str, str]) -> Parameters:
    """Read the parameters of a CreateVolume request.

    :raises InvalidRequest: one is unknown; names it, and the nearest known one. Or its value is none.
    """
    given = [name for name in parameters if name.lower() != FORMER_FS_TYPE and name != MISPLACED]
    check_known("StorageClass", given, KNOWN, (*DESCRIBING, *FORMER_SECRETS))
    encrypted = parameters.get(ENCRYPTED, "false")
    if encrypted not in ("true", "false"):
        raise InvalidRequest(f"StorageClass parameter {ENCRYPTED} is {encrypted!r}: give 'true' or 'false'")
    return Parameters(
        type=parameters.get(TYPE, ""),
        availability=parameters.get(AVAILABILITY, ""),
        encrypted=encrypted == "true",
        claim={name: parameters[name] for name in DESCRIBING if name in parameters},
    )
