# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the snapshots of a group are of one moment.

CSI wants that of a group snapshot, or a refusal. Cinder takes the snapshots of a group one after the other
unless its type says otherwise, and by default shows what a type says to administrators alone. Whether the
back end keeps to it, Cinder tells nobody: the type is the administrator's word.
"""

from __future__ import annotations

from typing import Protocol

from ...plugins.module_utils._cloud.errors import InUse, InvalidRequest
from ...plugins.module_utils._cloud.group import CONSISTENT, IS_CONSISTENT, GroupType
from ...plugins.module_utils._cloud.waiting import Deadline
from .group_snapshot_parameters import CONSISTENT as VOUCHING
from .group_snapshot_parameters import GroupSnapshotParameters
from .recent import Recent

#: Seconds. What a group type says changes seldom.
TYPES_HOLD = 300.0
_SPEC = f"{CONSISTENT}='{IS_CONSISTENT}'"


class GroupTypesPort(Protocol):
    """Cinder's group types. See _cloud.groups.Groups."""

    def types(self, deadline: Deadline) -> list[GroupType]: ...


class Consistency:
    """What the group types of one cloud say."""

    def __init__(self, cloud: GroupTypesPort) -> None:
        self._cloud = cloud
        self._known: Recent[str, GroupType] = Recent(TYPES_HOLD)

    def check(self, wanted: GroupSnapshotParameters, deadline: Deadline) -> None:
        """Check that the snapshots of a new group would be of one moment.

        :raises InvalidRequest: there is no such group type.
        :raises InUse: they would not, or neither Cinder nor the class says so.
        """
        kind = self._type(wanted.group_type, deadline)
        if kind.consistent is False:
            raise InUse(
                f"group type {kind.name} does not have the group spec {_SPEC}, so Cinder would take the"
                " snapshots one after the other: give a group type that has it"
            )
        if kind.consistent is None and not wanted.vouched:
            raise InUse(
                f"Cinder does not show whether group type {kind.name} has the group spec {_SPEC}, without"
                " which it takes the snapshots one after the other: allow the driver's user"
                " group:access_group_types_specs in Cinder's policy, or, if the type has it, say so by the"
                f' VolumeGroupSnapshotClass parameter {VOUCHING}: "true"'
            )

    def _type(self, name_or_id: str, deadline: Deadline) -> GroupType:
        if found := self._known.get(name_or_id):
            return found
        types = self._cloud.types(deadline)
        for kind in types:
            if name_or_id in (kind.id, kind.name):
                self._known.put(name_or_id, kind)
                return kind
        names = ", ".join(sorted(each.name for each in types))
        raise InvalidRequest(f"group type {name_or_id!r} does not exist: known are {names}")
