# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QoS specs of Cinder (``/qos-specs`` of the Block Storage API v3).

Plain REST, since only the newest releases of openstacksdk know QoS specs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .api import Api
from .errors import NotFound
from .volume_types import VolumeTypeRef
from .waiting import Deadline


@dataclass(frozen=True)
class QosSpec:
    """A QoS spec: who enforces it, and its keys."""

    id: str
    name: str
    consumer: str
    """``front-end`` (the hypervisor), ``back-end`` (the storage) or ``both``."""
    specs: Mapping[str, str]


def _qos_spec(item: Mapping[str, Any]) -> QosSpec:
    return QosSpec(item["id"], item["name"], item["consumer"], dict(item["specs"] or {}))


class QosSpecs:
    """The QoS specs of one cloud. Cinder shows them to administrators only.

    Every method raises CloudError when its call fails.

    :param api: the Block Storage API.
    :param deadline: of all the calls together.
    """

    def __init__(self, api: Api, deadline: Deadline) -> None:
        self._api = api
        self._deadline = deadline

    def every(self) -> list[QosSpec]:
        """Every QoS spec, page by page: Cinder cannot filter them by name."""
        found: list[QosSpec] = []
        params: dict[str, str | int] = {}
        while True:
            answer = self._api.request(
                "qos_specs_list", "GET", "/qos-specs", "list QoS specs", self._deadline, params
            )
            page = [_qos_spec(item) for item in answer["qos_specs"]]
            found += page
            if not page or "qos_specs_links" not in answer:
                return found
            params = {"marker": page[-1].id}

    def create(self, name: str, consumer: str, specs: Mapping[str, str]) -> QosSpec:
        """Make a QoS spec. Its name must be free."""
        answer = self._api.request(
            "qos_specs_create",
            "POST",
            "/qos-specs",
            f"create QoS spec {name}",
            self._deadline,
            json={"qos_specs": {**specs, "name": name, "consumer": consumer}},
        )
        return _qos_spec(answer["qos_specs"])

    def set_consumer(self, spec_id: str, consumer: str) -> None:
        """Change who enforces it; Cinder takes the consumer as one of the keys."""
        self.set_keys(spec_id, {"consumer": consumer})

    def set_keys(self, spec_id: str, specs: Mapping[str, str]) -> None:
        """Give keys these values; other keys stay."""
        self._api.request(
            "qos_specs_set",
            "PUT",
            f"/qos-specs/{spec_id}",
            f"set keys of QoS spec {spec_id}",
            self._deadline,
            json={"qos_specs": dict(specs)},
        )

    def unset_keys(self, spec_id: str, keys: Iterable[str]) -> None:
        """Remove keys.

        :raises NotFound: one of them is not set; those before it in Cinder's order are gone then.
        """
        self._api.request(
            "qos_specs_unset",
            "PUT",
            f"/qos-specs/{spec_id}/delete_keys",
            f"unset keys of QoS spec {spec_id}",
            self._deadline,
            json={"keys": list(keys)},
        )

    def delete(self, spec_id: str, force: bool) -> None:
        """Delete it; one that is gone already is a success.

        :param force: Cinder's own switch: delete it even when volume types use it.
        """
        try:
            self._api.request(
                "qos_specs_delete",
                "DELETE",
                f"/qos-specs/{spec_id}",
                f"delete QoS spec {spec_id}",
                self._deadline,
                {"force": str(force).lower()},
            )
        except NotFound:
            return

    def associate(self, spec_id: str, volume_type_id: str) -> None:
        """Make a volume type use it. A type has one QoS spec at most."""
        self._change_association(spec_id, "associate", volume_type_id)

    def disassociate(self, spec_id: str, volume_type_id: str) -> None:
        """Make a volume type use it no more."""
        self._change_association(spec_id, "disassociate", volume_type_id)

    def _change_association(self, spec_id: str, verb: str, volume_type_id: str) -> None:
        # A GET that changes things: so it is in Cinder's API.
        self._api.request(
            f"qos_specs_{verb}",
            "GET",
            f"/qos-specs/{spec_id}/{verb}",
            f"{verb} QoS spec {spec_id} and volume type {volume_type_id}",
            self._deadline,
            {"vol_type_id": volume_type_id},
        )

    def associations(self, spec_id: str) -> list[VolumeTypeRef]:
        """The volume types that use it."""
        answer = self._api.request(
            "qos_specs_associations",
            "GET",
            f"/qos-specs/{spec_id}/associations",
            f"list the volume types of QoS spec {spec_id}",
            self._deadline,
        )
        return [VolumeTypeRef(id=item["id"], name=item["name"]) for item in answer["qos_associations"]]
