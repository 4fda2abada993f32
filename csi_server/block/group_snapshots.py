# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Group snapshots as CSI wants them: each call may come again, and comes to the same end.

Cinder takes snapshots at one moment of the volumes of a group. A group is made for each such
snapshot; once it is taken, its volumes leave the group, so that each can be deleted and be in another
group later, and the group takes the snapshot's id as its name. Cinder keeps the empty group as long as
there is the snapshot; both go together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ...plugins.module_utils._cloud.errors import (
    Busy,
    CloudError,
    Conflict,
    Failed,
    InUse,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from ...plugins.module_utils._cloud.group import Group, GroupRequest, GroupSnapshot, GroupType
from ...plugins.module_utils._cloud.snapshot import Snapshot
from ...plugins.module_utils._cloud.volume import Volume
from ...plugins.module_utils._cloud.waiting import Deadline
from .group_consistency import Consistency
from .group_snapshot_parameters import GroupSnapshotParameters
from .outcome import UNFINISHED, Askings, HandedOut, removing


class GroupsPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.groups.Groups for what each call means."""

    def find(self, group_id: str, deadline: Deadline) -> Group | None: ...
    def named(self, name: str, deadline: Deadline) -> list[Group]: ...
    def types(self, deadline: Deadline) -> list[GroupType]: ...
    def create(self, request: GroupRequest, deadline: Deadline) -> str: ...

    def change(
        self, group_id: str, add: Iterable[str], remove: Iterable[str], name: str, deadline: Deadline
    ) -> None: ...

    def wait_until_settled(self, group_id: str, deadline: Deadline) -> Group: ...
    def delete(self, group_id: str, deadline: Deadline) -> None: ...


class GroupSnapshotsPort(Protocol):
    """Cinder, as this layer needs it. See _cloud.group_snapshots.GroupSnapshots."""

    def find(self, group_snapshot_id: str, deadline: Deadline) -> GroupSnapshot | None: ...
    def named(self, name: str, deadline: Deadline) -> list[GroupSnapshot]: ...
    def described(self, description: str, deadline: Deadline) -> list[GroupSnapshot]: ...
    def create(self, name: str, description: str, group_id: str, deadline: Deadline) -> str: ...
    def wait_until_usable(self, group_snapshot_id: str, deadline: Deadline) -> GroupSnapshot: ...
    def delete(self, group_snapshot_id: str, deadline: Deadline) -> None: ...
    def wait_until_gone(self, group_snapshot_id: str, deadline: Deadline) -> None: ...


class MembersPort(Protocol):
    """Cinder's snapshots. See _cloud.snapshots.Snapshots."""

    def named(self, name: str, deadline: Deadline) -> list[Snapshot]: ...
    def everybodys(self, volume_id: str, deadline: Deadline) -> list[Snapshot]: ...


class VolumesPort(Protocol):
    """Cinder's volumes. See _cloud.volumes.Volumes."""

    def find(self, volume_id: str, deadline: Deadline) -> Volume | None: ...


@dataclass(frozen=True)
class TakenTogether:
    """A group snapshot and its members."""

    whole: GroupSnapshot
    members: tuple[Snapshot, ...]


class BlockGroupSnapshots:
    """The group snapshots of one cluster.

    :param mark: the description that tells the cluster's groups from others: they have no metadata.
    """

    def __init__(
        self,
        groups: GroupsPort,
        wholes: GroupSnapshotsPort,
        members: MembersPort,
        volumes: VolumesPort,
        mark: str,
    ) -> None:
        self._groups = groups
        self._wholes = wholes
        self._members = members
        self._volumes = volumes
        self._mark = mark
        self._askings = Askings()
        self._handed_out = HandedOut()
        self._consistency = Consistency(groups)

    def find(self, group_snapshot_id: str, deadline: Deadline) -> TakenTogether:
        """Return a group snapshot, whoever made it.

        :raises NotFound: there is none of that id.
        """
        whole = self._wholes.find(group_snapshot_id, deadline)
        if whole is None:
            raise NotFound(f"group snapshot {group_snapshot_id} does not exist")
        return self._with_members(whole, deadline)

    def listed(self, volume_id: str, deadline: Deadline) -> list[Snapshot]:
        """Return the members of the cluster's group snapshots that are cut.

        Cinder gives members no metadata, by which the cluster's other snapshots are found.

        :param volume_id: of the volume that they are of; empty for all.
        """
        mine = {whole.id for whole in self._wholes.described(self._mark, deadline)}
        if not mine:
            return []
        known = self._members.everybodys(volume_id, deadline)
        return [each for each in known if each.cut and each.group_snapshot_id in mine]

    def create(
        self, name: str, volume_ids: frozenset[str], wanted: GroupSnapshotParameters, deadline: Deadline
    ) -> TakenTogether:
        """Return a group snapshot of that name: the one there is, or a new one.

        One that Cinder fails to take is deleted again, with its group, before the error is raised. One that
        was returned already is not deleted.

        :raises Conflict: one of that name is there, and is of other volumes.
        :raises NotFound: there is no such volume.
        :raises InvalidRequest: there is no such group type.
        :raises InUse: Cinder cannot take snapshots of these volumes together, or would not take them at one
            moment; says why.
        :raises Unavailable, Timeout, Busy: something may be there, or come: ask again. No other error
            leaves anything behind.
        """
        whole = self._adopt(name, volume_ids, deadline)
        if whole is None or not whole.ready:
            whole = self._taken(name, volume_ids, wanted, whole.id if whole else "", deadline)
        self._release(whole, deadline)
        self._handed_out.put(whole.id)
        return self._with_members(whole, deadline)

    def _taken(
        self,
        name: str,
        volume_ids: frozenset[str],
        wanted: GroupSnapshotParameters,
        whole_id: str,
        deadline: Deadline,
    ) -> GroupSnapshot:
        """Return a group snapshot that is ready.

        :param whole_id: of the one that was begun; empty when there is none.
        """
        try:
            begun = whole_id or self._take(name, volume_ids, wanted, deadline)
            return self._wholes.wait_until_usable(begun, deadline)
        except UNFINISHED:
            raise
        except CloudError as failure:
            self._handed_out.check(whole_id, f"group snapshot {name} was taken before", failure)
            with removing(f"group snapshot {name}", failure):
                self._remove_all(name, deadline)
            raise

    def _request(self, name: str, volume_ids: frozenset[str], of: str, deadline: Deadline) -> GroupRequest:
        """Return the group that these volumes can be in, of a group type."""
        volumes = [self._volume(volume_id, deadline) for volume_id in sorted(volume_ids)]
        zones = sorted({volume.zone for volume in volumes})
        if len(zones) > 1:
            raise InUse(
                f"the volumes are in several availability zones, {', '.join(zones)}: give some of one"
            )
        types = tuple(sorted({volume.type for volume in volumes}))
        return GroupRequest(name, self._mark, of, types, zones[0])

    def _volume(self, volume_id: str, deadline: Deadline) -> Volume:
        found = self._volumes.find(volume_id, deadline)
        if found is None:
            raise NotFound(f"volume {volume_id} does not exist")
        return found

    def _adopt(self, name: str, volume_ids: frozenset[str], deadline: Deadline) -> GroupSnapshot | None:
        namesakes = self._wholes.named(name, deadline)
        for whole in namesakes:
            if whole.description != self._mark:
                raise Conflict(f"{whole} exists and was not made by this driver for this cluster")
            if whole.status == "deleting":
                raise Busy(f"{whole} is being deleted")
            of = {member.volume_id for member in self._with_members(whole, deadline).members}
            if of != volume_ids:
                raise Conflict(
                    f"{whole} exists and is of volumes {', '.join(sorted(of))}; asked for is"
                    f" {', '.join(sorted(volume_ids))}"
                )
        return min(namesakes, key=lambda each: (not each.ready, each.id), default=None)

    def _take(
        self, name: str, volume_ids: frozenset[str], wanted: GroupSnapshotParameters, deadline: Deadline
    ) -> str:
        request = self._request(name, volume_ids, wanted.group_type, deadline)
        mine = self._named_mine(name, deadline)
        if mine:
            group_id = mine[0].id
        else:
            self._consistency.check(wanted, deadline)
            with self._askings.asking(f"group {request.name}"):
                group_id = self._groups.create(request, deadline)
        try:
            group = self._groups.wait_until_settled(group_id, deadline)
        except Failed as failure:
            types = ", ".join(request.volume_types)
            raise InUse(f"{failure}; one back end has to serve all of the volume types {types}") from failure
        if group.volume_ids != volume_ids:
            self._groups.change(
                group.id, volume_ids - group.volume_ids, group.volume_ids - volume_ids, "", deadline
            )
            self._groups.wait_until_settled(group.id, deadline)
        with self._askings.asking(request.name):
            return self._wholes.create(request.name, self._mark, group.id, deadline)

    def _release(self, whole: GroupSnapshot, deadline: Deadline) -> None:
        """Let the volumes out of the group, which is then known by its snapshot.

        :raises Unavailable, Timeout, Busy: they are still in it. The snapshots are there, so the caller has
            to ask again: from any other error it would conclude that there are none.
        """
        try:
            group = self._groups.find(whole.group_id, deadline)
            if group is not None and (group.volume_ids or group.name != whole.id):
                self._groups.wait_until_settled(group.id, deadline)
                self._groups.change(group.id, (), group.volume_ids, whole.id, deadline)
                self._groups.wait_until_settled(group.id, deadline)
        except UNFINISHED:
            raise
        except InUse as refused:
            # Somebody attaches or extends a member.
            raise Busy(refused.message, refused.request_id) from refused
        except CloudError as failure:
            raise Unavailable(
                f"{whole} is taken, but its volumes are still in the group: {failure.message}",
                failure.request_id,
            ) from failure

    def _with_members(self, whole: GroupSnapshot, deadline: Deadline) -> TakenTogether:
        namesakes = self._members.named(whole.name, deadline)
        members = [each for each in namesakes if each.group_snapshot_id == whole.id]
        return TakenTogether(whole, tuple(sorted(members, key=lambda each: each.volume_id)))

    def delete(self, group_snapshot_id: str, snapshot_ids: frozenset[str], deadline: Deadline) -> bool:
        """Return when there is neither a group snapshot of that id nor the group made for it, and whether
        there was a group snapshot.

        :param snapshot_ids: the members, when they are known.
        :raises InvalidRequest: the members are others.
        :raises InUse: its state forbids it.
        """
        whole = self._wholes.find(group_snapshot_id, deadline)
        if whole is not None:
            if whole.status == "creating":
                raise Busy(f"{whole} is being taken, and can be deleted when it is done")
            if whole.status != "deleting":
                check_members(self._with_members(whole, deadline), snapshot_ids)
                self._wholes.delete(whole.id, deadline)
            self._wholes.wait_until_gone(whole.id, deadline)
            # It has the snapshot's name only once its volumes have left it.
            group = self._groups.find(whole.group_id, deadline)
            if group is not None and group.description == self._mark:
                self._drop(group, deadline)
        self._drop_named(group_snapshot_id, deadline)
        return whole is not None

    def _remove_all(self, name: str, deadline: Deadline) -> None:
        for whole in self._wholes.named(name, deadline):
            if whole.description == self._mark:
                group = self._groups.find(whole.group_id, deadline)
                if group is not None and group.name == whole.id:
                    # Its volumes have left it. When the whole is gone, only the name tells what it was for.
                    self._groups.change(group.id, (), (), name, deadline)
                if whole.status != "deleting":
                    self._wholes.delete(whole.id, deadline)
                self._wholes.wait_until_gone(whole.id, deadline)
        self._drop_named(name, deadline)

    def _named_mine(self, name: str, deadline: Deadline) -> list[Group]:
        return [group for group in self._groups.named(name, deadline) if group.description == self._mark]

    def _drop_named(self, name: str, deadline: Deadline) -> None:
        for group in self._named_mine(name, deadline):
            self._drop(group, deadline)

    def _drop(self, group: Group, deadline: Deadline) -> None:
        if group.volume_ids:
            self._groups.change(group.id, (), group.volume_ids, "", deadline)
            self._groups.wait_until_settled(group.id, deadline)
        self._groups.delete(group.id, deadline)


def check_members(taken: TakenTogether, snapshot_ids: frozenset[str]) -> None:
    """Check that a caller knows the members of a group snapshot.

    :param snapshot_ids: empty when they are not known.
    :raises InvalidRequest: they are others.
    """
    members = {member.id for member in taken.members}
    if snapshot_ids and snapshot_ids != members:
        raise InvalidRequest(
            f"snapshot_ids are {', '.join(sorted(snapshot_ids))}: {taken.whole} has"
            f" {', '.join(sorted(members))}"
        )
