# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VolumeAttributesClass parameters of the Cinder driver: what of a volume can be changed while it exists.

Cinder binds QoS to the volume type, so it changes with ``type`` and has no parameter of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ...plugins.module_utils._cloud.volume_changes import MIGRATION_POLICIES
from . import names
from .known_parameters import check_known
from .parameters import DESCRIBING, TYPE

MIGRATION_POLICY = "migration-policy"
METADATA = "metadata."
KNOWN = (TYPE, MIGRATION_POLICY, f"{METADATA}<key>")
_LONGEST = 255
#: Source: Cinder, api/validation/parameter_types.py, "extra_specs", which is metadata's too.
_KEY = re.compile(r"[A-Za-z0-9_:. /-]{1,255}")


@dataclass(frozen=True)
class MutableParameters:
    """What a VolumeAttributesClass asks for. An empty type leaves the type as it is."""

    type: str = ""
    migration_policy: str = MIGRATION_POLICIES[0]
    metadata: Mapping[str, str] = field(default_factory=dict)


def parse(parameters: Mapping[str, str]) -> MutableParameters:
    """Read the mutable parameters of CreateVolume or ControllerModifyVolume.

    :raises InvalidRequest: one is unknown, or has a value that cannot be; names it, and what would be right.
    """
    metadata = {
        name.removeprefix(METADATA): value for name, value in parameters.items() if name.startswith(METADATA)
    }
    others = [name for name in parameters if not name.startswith(METADATA)]
    check_known("VolumeAttributesClass", others, KNOWN, DESCRIBING)
    policy = parameters.get(MIGRATION_POLICY, MIGRATION_POLICIES[0])
    if policy not in MIGRATION_POLICIES:
        raise InvalidRequest(
            f"VolumeAttributesClass parameter {MIGRATION_POLICY} is {policy!r}:"
            f" use {' or '.join(MIGRATION_POLICIES)}"
        )
    for key, value in metadata.items():
        _check_metadata(key, value)
    return MutableParameters(parameters.get(TYPE, ""), policy, metadata)


def _check_metadata(key: str, value: str) -> None:
    name = f"VolumeAttributesClass parameter {METADATA}{key}"
    if not _KEY.fullmatch(key) or len(value) > _LONGEST:
        raise InvalidRequest(
            f"{name}: Cinder takes keys of 1 to {_LONGEST} letters, digits, spaces and -_:./ characters, and"
            f" values of at most {_LONGEST} characters"
        )
    if key.startswith(names.RESERVED):
        raise InvalidRequest(
            f"{name}: keys that begin with {' or '.join(names.RESERVED)} are the driver's own"
        )
