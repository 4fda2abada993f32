# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kubelet asks of a node, checked and free of protobuf."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..host.devices import Wanted
from ..host.filesystems import SUPPORTED
from ..proto import csi_pb2 as csi
from . import capabilities, names, sizes

#: Digits of a 64-bit number.
_LONGEST_SIZE = 19
# One entry of mountOptions may hold several, as mount(8) has them: a comma within quotes is of the value.
_OPTION = re.compile(r'(?:"[^"]*"|[^,])+')


@dataclass(frozen=True)
class Filesystem:
    """The volume as a filesystem.

    :ivar fs_type: one of the supported types, or empty for the one that is there, else the default.
    :ivar flags: mount options.
    """

    fs_type: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Access:
    """How the volume is to be used.

    :ivar filesystem: None for a raw block device.
    :ivar read_only: nothing may be written to the volume.
    :ivar shared: other nodes may have the volume as well.
    :ivar single_path: the volume may be published at one path only.
    """

    filesystem: Filesystem | None
    read_only: bool = False
    shared: bool = False
    single_path: bool = False


@dataclass(frozen=True)
class Stage:
    """NodeStageVolume.

    :ivar wanted: the device by its serial and size.
    :ivar key: opens the encrypted volume, None for a volume that this node does not encrypt.
    :ivar copy: it was made of another volume, a snapshot or a backup.
    """

    volume_id: str
    wanted: Wanted
    path: str
    access: Access
    key: str | None = field(default=None, repr=False)
    copy: bool = False


@dataclass(frozen=True)
class Publish:
    """NodePublishVolume: from ``staged`` to ``path``.

    :ivar encrypted: this node encrypts the volume.
    """

    volume_id: str
    wanted: Wanted
    staged: str
    path: str
    access: Access
    encrypted: bool = False


@dataclass(frozen=True)
class Expand:
    """NodeExpandVolume of what is staged or published at ``path``.

    :ivar wanted: the device by its serial and new size.
    """

    volume_id: str
    wanted: Wanted
    path: str


def stage(request: csi.NodeStageVolumeRequest) -> Stage:
    """Read NodeStageVolume.

    :raises InvalidRequest: names the field, its value and what would be right.
    """
    volume_id = identifier(request.volume_id)
    path = absolute("staging_target_path", request.staging_target_path)
    _require_capability(request.HasField("volume_capability"))
    return Stage(
        volume_id=volume_id,
        wanted=_wanted(volume_id, request.publish_context),
        path=path,
        access=_access(request.volume_capability, request.publish_context),
        key=_key(request) if names.is_encrypted(request.volume_context) else None,
        copy=request.volume_context.get(names.RESIZE_REQUIRED) == "true",
    )


def publish(request: csi.NodePublishVolumeRequest) -> Publish:
    """Read NodePublishVolume. ``staged`` may be empty: that is not a wrong argument but a missing stage.

    :raises InvalidRequest: names the field, its value and what would be right.
    """
    volume_id = identifier(request.volume_id)
    path = absolute("target_path", request.target_path)
    _require_capability(request.HasField("volume_capability"))
    staged = request.staging_target_path
    access = _access(request.volume_capability, request.publish_context)
    return Publish(
        volume_id=volume_id,
        wanted=_wanted(volume_id, request.publish_context),
        staged=absolute("staging_target_path", staged) if staged else "",
        path=path,
        access=replace(access, read_only=access.read_only or request.readonly),
        encrypted=names.is_encrypted(request.volume_context),
    )


def expand(request: csi.NodeExpandVolumeRequest) -> Expand:
    """Read NodeExpandVolume.

    :raises InvalidRequest: names the field, its value and what would be right.
    """
    volume_id = identifier(request.volume_id)
    path = given_path("volume_path", request.volume_path)
    size = sizes.parse(request.capacity_range.required_bytes, request.capacity_range.limit_bytes)
    return Expand(volume_id, Wanted(volume_id, size.least * sizes.GIB), path)


def identifier(volume_id: str) -> str:
    """:raises InvalidRequest: there is none."""
    if not volume_id:
        raise InvalidRequest("volume_id is missing")
    return volume_id


def absolute(field: str, path: str) -> str:
    """:raises InvalidRequest: ``path`` is not an absolute path."""
    if not os.path.isabs(given_path(field, path)):
        raise InvalidRequest(f"{field} {path!r} is not an absolute path")
    return path


def given_path(field: str, path: str) -> str:
    """:raises InvalidRequest: there is no ``path``, or the kernel could not take it for one."""
    if not path:
        raise InvalidRequest(f"{field} is missing")
    if "\0" in path:
        raise InvalidRequest(f"{field} {path!r} is not an absolute path, nor any other: it holds a NUL")
    return path


def _key(request: csi.NodeStageVolumeRequest) -> str:
    capabilities.check_encryptable([request.volume_capability])
    key = request.secrets.get(names.ENCRYPTION_KEY, "")
    if not key:
        raise InvalidRequest(
            f"secrets.{names.ENCRYPTION_KEY} is missing: name a Secret with that key by"
            " csi.storage.k8s.io/node-stage-secret-name and -namespace in the encrypted StorageClass"
        )
    return key


def _require_capability(given: bool) -> None:
    if not given:
        raise InvalidRequest("volume_capability is missing")


def _access(capability: csi.VolumeCapability, publish_context: Mapping[str, str]) -> Access:
    capabilities.check_complete(capability)
    filesystem = _filesystem(capability.mount) if capability.HasField("mount") else None
    return Access(
        filesystem=filesystem,
        read_only=(
            capabilities.is_read_only(capability)
            or publish_context.get(names.READ_ONLY) == "true"
            or (filesystem is not None and "ro" in filesystem.flags)
        ),
        shared=capabilities.is_shared(capability),
        single_path=capabilities.is_single_path(capability),
    )


def _filesystem(mount: csi.VolumeCapability.MountVolume) -> Filesystem:
    fs_type = mount.fs_type.lower()
    if fs_type and fs_type not in SUPPORTED:
        raise InvalidRequest(f"fs_type {mount.fs_type!r} is not supported: use one of {', '.join(SUPPORTED)}")
    if mount.volume_mount_group:
        raise InvalidRequest(
            f"volume_mount_group {mount.volume_mount_group!r} is not supported: leave it out"
        )
    return Filesystem(fs_type, tuple(each for flag in mount.mount_flags for each in _mount_options(flag)))


def _mount_options(flag: str) -> list[str]:
    options: list[str] = _OPTION.findall(flag)
    if not options or "\0" in flag:
        raise InvalidRequest(f"mount_flags: {flag!r} is not a mount option")
    return options


def _wanted(volume_id: str, publish_context: Mapping[str, str]) -> Wanted:
    size = publish_context.get(names.SIZE, "")
    if size and not (size.isascii() and size.isdigit() and len(size) <= _LONGEST_SIZE):
        raise InvalidRequest(f"publish_context.{names.SIZE} {size!r} is not a number of bytes")
    return Wanted(
        publish_context.get(names.SERIAL) or volume_id,
        int(size) if size else None,
        _connection(publish_context.get(names.CONNECTION, "")),
    )


def _connection(text: str) -> str:
    """:raises InvalidRequest: it is no connection, which is not shown, as it may hold a secret."""
    if not text:
        return ""
    try:
        properties = json.loads(text)
    except (ValueError, RecursionError):
        properties = None
    if not isinstance(properties, dict) or not isinstance(properties.get("driver_volume_type"), str):
        raise InvalidRequest(
            f"publish_context.{names.CONNECTION} is no connection: Cinder's is a JSON object with"
            " driver_volume_type"
        )
    return text
