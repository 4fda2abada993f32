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

from ...plugins.module_utils._cloud.errors import InvalidRequest
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


def annotated(claims: Claims, described: Mapping[str, str], deadline: Deadline) -> dict[str, str]:
    """Return the annotations that ask for a placement, of the claim that the provisioner describes.

    :param described: parameters that the provisioner added to the class's; it may have added none.
    """
    namespace, name = described.get(names.CLAIM_NAMESPACE, ""), described.get(names.CLAIM_NAME, "")
    if not (namespace and name):
        return {}
    given = claims.annotations(namespace, name, deadline)
    return {key: given[key] for key in (names.AFFINITY, names.ANTI_AFFINITY) if given.get(key)}


def hints(annotations: Mapping[str, str], volumes: KnownVolumes, deadline: Deadline) -> Hints:
    """Read annotations whose values are names or ids of volumes, with commas between them.

    :raises InvalidRequest: one names no volume, or several.
    """

    def ids(key: str) -> tuple[str, ...]:
        named = [each.strip() for each in annotations.get(key, "").split(",")]
        return tuple(_the_one(key, each, volumes, deadline).id for each in named if each)

    return Hints(same_host=ids(names.AFFINITY), different_host=ids(names.ANTI_AFFINITY))


def _the_one(key: str, name_or_id: str, volumes: KnownVolumes, deadline: Deadline) -> Volume:
    found = volumes.known_as(name_or_id, deadline)
    if len(found) != 1:
        many = f"{len(found)} volumes are named so: give an id" if found else "there is no such volume"
        raise InvalidRequest(f"annotation {key} of the claim names {name_or_id!r}, and {many}")
    return found[0]
