# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which access a Cinder volume can give.

A volume is a block device. Several nodes can have it at the same time when its type is multiattach,
but a filesystem on it knows nothing of that: as soon as one node writes, the others see it corrupted.
So a filesystem is for one node, or for readers alone, and a raw device for whoever coordinates writes.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..proto import csi_pb2 as csi

_Mode = csi.VolumeCapability.AccessMode

_SEVERAL_WRITERS = frozenset({_Mode.MULTI_NODE_SINGLE_WRITER, _Mode.MULTI_NODE_MULTI_WRITER})
_SEVERAL_NODES = _SEVERAL_WRITERS | {_Mode.MULTI_NODE_READER_ONLY}
_READERS = frozenset({_Mode.SINGLE_NODE_READER_ONLY, _Mode.MULTI_NODE_READER_ONLY})


def is_shared(capability: csi.VolumeCapability) -> bool:
    """Say whether several nodes may have the volume at the same time."""
    mode = capability.access_mode.mode
    return mode in _SEVERAL_NODES and (mode in _READERS or capability.HasField("block"))


def is_read_only(capability: csi.VolumeCapability) -> bool:
    """Say whether nobody may write to the volume."""
    return capability.access_mode.mode in _READERS


def is_single_path(capability: csi.VolumeCapability) -> bool:
    """Say whether the volume may be published at one path only."""
    return capability.access_mode.mode == _Mode.SINGLE_NODE_SINGLE_WRITER


def refusal(capability: csi.VolumeCapability, multiattach: bool) -> str:
    """Say why a volume cannot give a capability, an empty string when it can.

    :param multiattach: whether the volume can be attached more than once.
    """
    mode = capability.access_mode.mode
    if mode in _SEVERAL_WRITERS and not capability.HasField("block"):
        return (
            f"access mode {_name(mode)} is not possible for a filesystem: a volume is a block device, and its"
            " filesystem is corrupted when several nodes write; use volumeMode Block on a multiattach volume"
            " type, a share of Manila, or ReadWriteOnce"
        )
    if mode in _SEVERAL_NODES and not multiattach:
        return (
            f"access mode {_name(mode)} needs a volume type with multiattach='<is> True': other volumes are"
            " attached to one node at a time; use such a type, ReadWriteOnce or ReadWriteOncePod"
        )
    return ""


def check(capabilities: Iterable[csi.VolumeCapability]) -> None:
    """Check the capabilities that a volume shall be made for.

    :raises InvalidRequest: there is none, one is incomplete, or no volume can give it.
    """
    given = list(capabilities)
    if not given:
        raise InvalidRequest("volume_capabilities is missing: give at least one")
    for capability in given:
        check_complete(capability)
        if reason := refusal(capability, multiattach=True):
            raise InvalidRequest(reason)


def check_encryptable(capabilities: Iterable[csi.VolumeCapability]) -> None:
    """Check that a volume that the node encrypts can give the capabilities.

    :raises InvalidRequest: several nodes would format it at the same time, each with a key of its own.
    """
    for capability in capabilities:
        if reason := encrypted_refusal(capability):
            raise InvalidRequest(reason)


def encrypted_refusal(capability: csi.VolumeCapability) -> str:
    """Say why a volume that the node encrypts cannot give a capability; empty when it can."""
    if not is_shared(capability) or is_read_only(capability):
        return ""
    return (
        f"access mode {_name(capability.access_mode.mode)} is not possible with encrypted volumes:"
        " nodes that encrypt cannot write to one volume at the same time; use ReadWriteOnce, or a"
        " volume type that Cinder encrypts"
    )


def check_complete(capability: csi.VolumeCapability) -> None:
    """Check that a capability says which access it means.

    :raises InvalidRequest: it lacks access type or access mode, or the mode is none.
    """
    if capability.WhichOneof("access_type") is None:
        raise InvalidRequest("volume_capability has no access type: give mount or block")
    mode = capability.access_mode.mode
    if mode == _Mode.UNKNOWN:
        raise InvalidRequest("volume_capability has no access mode")
    if mode not in _Mode.Mode.values():
        raise InvalidRequest(
            f"volume_capability has the unknown access mode {mode}: give 1 to {max(_Mode.Mode.values())}"
        )


def _name(mode: _Mode.Mode.ValueType) -> str:
    return _Mode.Mode.Name(mode)
