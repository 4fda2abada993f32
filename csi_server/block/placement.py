# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which back end a new volume is on, beside other volumes or apart from them, as its claim's annotations say.

Cinder's scheduler does it where its filters SameBackendFilter and DifferentBackendFilter are on, and takes
no notice of it where they are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ...plugins.module_utils._cloud.errors import InvalidRequest, NotFound
from ...plugins.module_utils._cloud.volume import Hints, Volume
from ...plugins.module_utils._cloud.waiting import Deadline
from . import names


class Claims(Protocol):
    """The claims of the cluster. See claims.KubernetesClaims."""

    def annotations(self, namespace: str, name: str, deadline: Deadline) -> Mapping[str, str]: ...


class UnreadClaims:
    """Claims that nobody reads: none is annotated."""

    def annotations(self, namespace: str, name: str, deadline: Deadline) -> Mapping[str, str]:
        return {}


class KnownVolumes(Protocol):
    """The volumes that an annotation may name. See BlockVolumes."""

    def known_as(self, name_or_id: str, deadline: Deadline) -> list[Volume]: ...


class Placement:
    """What the claim that the provisioner describes asks for.

    :param described: parameters that the provisioner added to the class's; it may have added none.
    """

    def __init__(
        self, claims: Claims, described: Mapping[str, str], volumes: KnownVolumes, deadline: Deadline
    ) -> None:
        self._claims = claims
        self._claim = described.get(names.CLAIM_NAMESPACE, ""), described.get(names.CLAIM_NAME, "")
        self._volumes = volumes
        self._deadline = deadline
        self._read: Mapping[str, str] | None = None

    def context(self) -> Mapping[str, str]:
        """Return the annotations for the context of a volume that is there.

        Of a claim that is gone there are none: its volume is there only to be deleted.
        """
        try:
            return self._annotations()
        except NotFound:
            return {}

    def hints(self) -> Hints:
        """Read the annotations, whose values are names or ids of volumes, with commas between them.

        :raises InvalidRequest: one names no volume, or several.
        :raises NotFound: there is no such claim any more.
        """
        return Hints(same_host=self._ids(names.AFFINITY), different_host=self._ids(names.ANTI_AFFINITY))

    def _annotations(self) -> Mapping[str, str]:
        if self._read is None:
            given = self._claims.annotations(*self._claim, self._deadline) if all(self._claim) else {}
            self._read = {key: given[key] for key in (names.AFFINITY, names.ANTI_AFFINITY) if given.get(key)}
        return self._read

    def _ids(self, key: str) -> tuple[str, ...]:
        named = [each.strip() for each in self._annotations().get(key, "").split(",")]
        return tuple(_the_one(key, each, self._volumes, self._deadline).id for each in named if each)


def _the_one(key: str, name_or_id: str, volumes: KnownVolumes, deadline: Deadline) -> Volume:
    found = volumes.known_as(name_or_id, deadline)
    if len(found) != 1:
        many = f"{len(found)} volumes are named so: give an id" if found else "there is no such volume"
        raise InvalidRequest(f"annotation {key} of the claim names {name_or_id!r}, and {many}")
    return found[0]
