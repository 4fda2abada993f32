# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume types of Cinder, as far as other objects refer to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .api import Api
from .errors import NotFound
from .listing import PAGE_SIZE
from .waiting import Deadline


@dataclass(frozen=True)
class VolumeTypeRef:
    """A volume type's identity, and what it demands of its back end."""

    id: str
    name: str
    extra_specs: Mapping[str, str] | None = field(default=None, compare=False)
    """What the credential may read of them: None for none, else at least those that Cinder shows to all."""

    @property
    def multiattach(self) -> bool | None:
        """Whether its volumes can be attached more than once, None when Cinder does not tell."""
        if self.extra_specs is None:
            return None
        return self.extra_specs.get("multiattach", "").strip().lower() == "<is> true"


class VolumeTypes:
    """The volume types of one cloud.

    :param api: the Block Storage API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def listed(self, deadline: Deadline) -> list[VolumeTypeRef]:
        """Return the types that the credential sees. See list_volume_types."""
        return list_volume_types(self._api, deadline)

    def default(self, deadline: Deadline) -> VolumeTypeRef | None:
        """Return the type of volumes that name none. See default_volume_type."""
        return default_volume_type(self._api, deadline)


def list_volume_types(api: Api, deadline: Deadline) -> list[VolumeTypeRef]:
    """Every volume type that the credential sees, private ones included.

    :param api: the Block Storage API.
    :raises CloudError: the listing failed.
    """
    answer = api.request(
        "volume_type_list",
        "GET",
        "/types",
        "list volume types",
        deadline,
        # Without is_public=None Cinder leaves out the private types.
        {"is_public": "None", "limit": PAGE_SIZE},
    )
    return [_from_api(item) for item in answer["volume_types"]]


def default_volume_type(api: Api, deadline: Deadline) -> VolumeTypeRef | None:
    """The type of the project's volumes that name none, None without one.

    :param api: the Block Storage API.
    """
    try:
        answer = api.request(
            "volume_type_default", "GET", "/types/default", "read the default volume type", deadline
        )
    except NotFound:
        return None
    return _from_api(answer["volume_type"])


def _from_api(item: Mapping[str, Any]) -> VolumeTypeRef:
    return VolumeTypeRef(item["id"], item["name"], item.get("extra_specs"))
