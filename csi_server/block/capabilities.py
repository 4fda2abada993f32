# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which access a Cinder volume can give."""

from __future__ import annotations

from collections.abc import Iterable

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..proto import csi_pb2 as csi

_Mode = csi.VolumeCapability.AccessMode

#: One node at a time.
SINGLE_NODE = frozenset(
    {
        _Mode.SINGLE_NODE_WRITER,
        _Mode.SINGLE_NODE_READER_ONLY,
        _Mode.SINGLE_NODE_SINGLE_WRITER,
        _Mode.SINGLE_NODE_MULTI_WRITER,
    }
)


def refusal(capability: csi.VolumeCapability) -> str:
    """Say why a capability cannot be given, an empty string when it can."""
    mode = capability.access_mode.mode
    if mode in SINGLE_NODE:
        return ""
    return (
        f"access mode {_Mode.Mode.Name(mode)} is not supported: a volume is attached to one node at a"
        " time; use ReadWriteOnce or ReadWriteOncePod"
    )


def check(capabilities: Iterable[csi.VolumeCapability]) -> None:
    """Check the capabilities of a request.

    :raises InvalidRequest: there is none, one is incomplete, or one cannot be given.
    """
    given = list(capabilities)
    if not given:
        raise InvalidRequest("volume_capabilities is missing: give at least one")
    for capability in given:
        check_complete(capability)
        if reason := refusal(capability):
            raise InvalidRequest(reason)


def check_complete(capability: csi.VolumeCapability) -> None:
    """Check that a capability says which access it means.

    :raises InvalidRequest: it lacks access type or access mode.
    """
    if capability.WhichOneof("access_type") is None:
        raise InvalidRequest("volume_capability has no access type: give mount or block")
    if capability.access_mode.mode == _Mode.UNKNOWN:
        raise InvalidRequest("volume_capability has no access mode")
