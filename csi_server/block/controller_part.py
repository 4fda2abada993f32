# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of the Controller service share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Protocol, TypeVar

from ...plugins.module_utils._cloud.errors import CloudError, InvalidRequest, Unavailable
from ...plugins.module_utils._cloud.volume import Volume
from ...plugins.module_utils._cloud.waiting import Deadline
from ..proto import csi_pb2 as csi
from ..proto import csi_pb2_grpc
from ..rpc.locks import Locks
from . import names
from .backups import BlockBackups
from .capacity import VolumeCapacity
from .expansion import VolumeExpansion
from .group_snapshots import BlockGroupSnapshots
from .idempotency import BlockVolumes
from .modification import VolumeModification
from .placement import Claims, UnreadClaims
from .published import Published
from .snapshots import BlockSnapshots
from .topology import Zones

Rpc = csi.ControllerServiceCapability.RPC
#: What a part lists as CAPABILITIES.
Kinds = tuple[Rpc.Type.ValueType, ...]
T = TypeVar("T")


class NodeAttachments(Protocol):
    """Attachments of volumes to nodes: attachments.py has those of Nova, connector_attachments.py others."""

    def attach(self, volume_id: str, node_id: str, deadline: Deadline, /) -> Volume: ...
    def attach_shared(self, volume_id: str, node_id: str, deadline: Deadline, /) -> Volume: ...
    def detach(self, volume_id: str, node_id: str, deadline: Deadline, /) -> None: ...
    def detach_everywhere(self, volume_id: str, deadline: Deadline, /) -> None: ...
    def free(self, volume_id: str, refused: CloudError, deadline: Deadline, /) -> None: ...
    def node_context(self, volume: Volume, node_id: str, deadline: Deadline, /) -> dict[str, str]: ...


@dataclass(frozen=True)
class BlockCloud:
    """What the controller uses of one cloud."""

    volumes: BlockVolumes
    attachments: NodeAttachments
    snapshots: BlockSnapshots
    backups: BlockBackups
    expansion: VolumeExpansion
    modification: VolumeModification
    capacity: VolumeCapacity
    group_snapshots: BlockGroupSnapshots


class Clouds(Protocol):
    """The clouds that the driver works in."""

    def of(self, secrets: Mapping[str, str]) -> BlockCloud:
        """Return the cloud that a request is for, by the request's secrets.

        :raises CloudError: there is no connection to it yet, or no such cloud.
        """

    def all(self) -> Mapping[str, Callable[[], BlockCloud]]:
        """Return by its name what gives each cloud; that of requests without secrets comes first.

        It raises Unavailable where there is no connection.
        """


@dataclass(frozen=True)
class ControllerOptions:
    """How the driver makes volumes."""

    cluster: str
    """Written to each volume's metadata."""
    zones: Zones = field(default_factory=Zones)
    claims: Claims = field(default_factory=UnreadClaims)


class ControllerPart(csi_pb2_grpc.ControllerServicer):
    """Some RPCs of Controller, and the capabilities that they amount to."""

    CAPABILITIES: ClassVar[Kinds] = ()

    def __init__(self, clouds: Clouds, options: ControllerOptions, locks: Locks) -> None:
        self._clouds = clouds
        self._options = options
        self._locks = locks
        self._published = Published()


def asked(clouds: Clouds, secrets: Mapping[str, str]) -> list[BlockCloud]:
    """Return the clouds that a request is about: the one that its secrets name, without secrets all.

    :raises Unavailable: there is no connection to one of them.
    """
    return [way() for way in _ways(clouds, secrets)]


def find(clouds: Clouds, secrets: Mapping[str, str], look: Callable[[BlockCloud], T]) -> T | None:
    """Return what the first cloud has that has it, None when none of those that a request is about does.

    :param look: for it in one cloud; returns None when that does not have it.
    :raises Unavailable: one of them cannot be asked, and no other has it.
    """
    unasked: Unavailable | None = None
    for way in _ways(clouds, secrets):
        try:
            found = look(way())
        except Unavailable as failure:
            unasked = unasked or failure
            continue
        if found is not None:
            return found
    if unasked is not None:
        raise unasked
    return None


def delete(clouds: Clouds, secrets: Mapping[str, str], delete_in: Callable[[BlockCloud], bool]) -> None:
    """Delete what a request names, in the cloud that has it.

    The sidecars ask without the Secret where they cannot read it, and what another cloud than the first has
    would stay for ever: where no cloud is named, all are asked.

    :param delete_in: deletes it in one cloud; returns whether that had it.
    :raises Unavailable: one of them cannot be asked, and no other had it.
    """
    named = secrets if secrets.get(names.CLOUD) else {}
    find(clouds, named, lambda cloud: delete_in(cloud) or None)


def _ways(clouds: Clouds, secrets: Mapping[str, str]) -> Iterable[Callable[[], BlockCloud]]:
    return [partial(clouds.of, secrets)] if secrets else clouds.all().values()


def require(request: object, *fields: str) -> None:
    """Check that fields are given: a string that is not empty, a message that is set."""
    for name in fields:
        value = getattr(request, name)
        given = request.HasField(name) if name == "volume_capability" else bool(value)  # type: ignore[attr-defined]
        if not given:
            raise InvalidRequest(f"{name} is missing")
