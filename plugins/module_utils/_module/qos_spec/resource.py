# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A QoS spec of Cinder that a module keeps as it shall be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._cloud.api import Api
from ..._cloud.qos_specs import QosSpec, QosSpecs
from ..._cloud.volume_types import list_volume_types
from ..._cloud.waiting import Deadline
from ..plan import Change, Facts, Plan
from .plan import Action, Desired, Observed, TypeCatalogue, facts, find, plan_absent, plan_present

RESULT = "volume_qos_spec"


class VolumeQosSpec:
    """The QoS spec that the options of the module volume_qos_spec describe.

    :param api: the Block Storage API.
    :param params: the module's options.
    :raises InvalidRequest: an option's value cannot be.
    """

    def __init__(self, api: Api, params: Mapping[str, Any]) -> None:
        self._api = api
        self._deadline = Deadline.after(params["timeout"])
        self._specs = QosSpecs(api, self._deadline)
        self._desired = Desired.of(params)
        self._state: str = params["state"]
        self._force: bool = params["force"]

    def plan(self) -> Plan:
        everything = self._specs.every()
        spec = find(everything, self._desired.name)
        observed = None if spec is None else Observed(spec, tuple(self._specs.associations(spec.id)))
        if self._state == "absent":
            return plan_absent(observed, self._force)
        return plan_present(
            self._desired, observed, self._types([each for each in everything if each != spec])
        )

    def predicted(self, plan: Plan) -> Facts:
        return {} if plan.after is None else {RESULT: plan.after}

    def applied(self, plan: Plan) -> Facts:
        spec_id = "" if plan.before is None else plan.before["id"]
        for change in plan.changes:
            spec_id = self._apply(change, spec_id)
        return {} if plan.after is None else {RESULT: {**plan.after, "id": spec_id}}

    def _types(self, others: list[QosSpec]) -> TypeCatalogue:
        if not self._desired.volume_types:
            return TypeCatalogue()
        return TypeCatalogue(
            known=tuple(list_volume_types(self._api, self._deadline)),
            users={
                volume_type.id: other.name
                for other in others
                for volume_type in self._specs.associations(other.id)
            },
        )

    def _apply(self, change: Change, spec_id: str) -> str:
        match change.action:
            case Action.CREATE:
                return self._specs.create(change.after.name, change.after.consumer, change.after.specs).id
            case Action.SET_CONSUMER:
                self._specs.set_consumer(spec_id, change.after)
            case Action.SET_KEYS:
                self._specs.set_keys(spec_id, change.after)
            case Action.UNSET_KEYS:
                self._specs.unset_keys(spec_id, sorted(change.before))
            case Action.DISASSOCIATE:
                self._specs.disassociate(spec_id, change.before.id)
            case Action.ASSOCIATE:
                self._specs.associate(spec_id, change.after.id)
            case Action.DELETE:
                self._specs.delete(spec_id, self._force)
        return spec_id


def gathered(api: Api, params: Mapping[str, Any]) -> Facts:
    """The result of the module volume_qos_spec_info.

    :param params: its options: ``name`` (name or id, or None for all) and ``timeout``.
    """
    specs = QosSpecs(api, Deadline.after(params["timeout"]))
    wanted = [spec for spec in specs.every() if params["name"] in (None, spec.name, spec.id)]
    return {
        "changed": False,
        "volume_qos_specs": [
            facts(spec, specs.associations(spec.id)) for spec in sorted(wanted, key=lambda spec: spec.name)
        ],
    }
