# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new volume is filled with: a snapshot, a backup or another volume."""

from __future__ import annotations

from dataclasses import dataclass

from ...plugins.module_utils._cloud.errors import Busy, InvalidRequest, NotFound, OutOfRange
from ...plugins.module_utils._cloud.snapshot import Snapshot
from ...plugins.module_utils._cloud.volume import Origin
from ...plugins.module_utils._cloud.waiting import Deadline
from ..proto import csi_pb2 as csi
from . import names
from .controller_part import BlockCloud
from .sizes import SizeRange


@dataclass(frozen=True)
class ContentSource:
    """A source that exists and can be read.

    :ivar size: GiB; a volume made of it cannot be smaller.
    :ivar zone: where a volume made of it will be, an empty string when it can be anywhere.
    """

    name: str
    origin: Origin
    size: int
    zone: str = ""

    def metadata(self) -> dict[str, str]:
        """Return what a volume made of it carries, so that it is known again."""
        return {names.FROM_BACKUP: self.origin.backup_id} if self.origin.backup_id else {}

    def description(self, cluster: str) -> str:
        """Return the description of a volume made of it.

        Cinder gives a restored volume the metadata of the one that was backed up, so the description alone
        tells for whom it was made.
        """
        made_of = f", of backup {self.origin.backup_id} for {cluster}" if self.origin.backup_id else ""
        return f"{names.DESCRIPTION}{made_of}"

    def fit(self, sizes: SizeRange, required_bytes: int) -> SizeRange:
        """Return the sizes that satisfy a request for a volume made of this.

        :raises OutOfRange: it would not fit.
        """
        if required_bytes and sizes.least < self.size:
            raise OutOfRange(
                f"capacity_range required_bytes {required_bytes} is too small for {self.name}: it has"
                f" {self.size} GiB"
            )
        if sizes.most is not None and sizes.most < self.size:
            raise OutOfRange(f"capacity_range allows {sizes}, but {self.name} has {self.size} GiB")
        return SizeRange(max(sizes.least, self.size), sizes.most)


#: An empty volume's.
NOTHING = ContentSource("nothing", Origin(), 0)


def resolve(source: csi.VolumeContentSource, cloud: BlockCloud, deadline: Deadline) -> ContentSource:
    """Find what a request names.

    :raises InvalidRequest: it names nothing.
    :raises NotFound: what it names does not exist.
    :raises Busy: the snapshot is not ready.
    """
    kind = source.WhichOneof("type")
    if kind == "snapshot" and source.snapshot.snapshot_id:
        return _snapshot(source.snapshot.snapshot_id, cloud, deadline)
    if kind == "volume" and source.volume.volume_id:
        volume = cloud.volumes.find(source.volume.volume_id, deadline)
        return ContentSource(str(volume), Origin(volume_id=volume.id), volume.size, volume.zone)
    raise InvalidRequest("volume_content_source names neither a snapshot nor a volume")


def of_begun(
    name: str, source: csi.VolumeContentSource, cluster: str, cloud: BlockCloud, deadline: Deadline
) -> ContentSource | None:
    """Return the source of a volume that an earlier request began, None when there is none of that source.

    :raises Busy: it may still be made.
    """
    source_id = source.snapshot.snapshot_id or source.volume.volume_id
    restored = ContentSource(source_id, Origin(backup_id=source_id), 0).description(cluster)
    found = cloud.volumes.begun(name, source_id, restored, deadline)
    return None if found is None else ContentSource(source_id, found.origin, 0, found.zone)


def _snapshot(snapshot_id: str, cloud: BlockCloud, deadline: Deadline) -> ContentSource:
    found = cloud.snapshots.find(snapshot_id, deadline) or cloud.backups.find(snapshot_id, deadline)
    if found is None:
        raise NotFound(f"neither a snapshot nor a backup has the id {snapshot_id}")
    if not found.ready:
        raise Busy(f"{found} is not ready: its status is {found.status}")
    if isinstance(found, Snapshot):
        zone = cloud.volumes.find(found.volume_id, deadline).zone
        return ContentSource(str(found), Origin(snapshot_id=found.id), found.size, zone)
    return ContentSource(str(found), Origin(backup_id=found.id), found.size)
