# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Ansible and a resource: the only place that ends a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .._cloud.errors import CloudError
from .plan import Facts, Plan


class AnsibleFace(Protocol):
    """What is used here of an AnsibleModule."""

    check_mode: bool

    def exit_json(self, **kwargs: Any) -> None:
        """End the module with a result."""

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        """End the module with an error."""


class Resource(Protocol):
    """One object that a module keeps as it shall be. Every method raises CloudError when it cannot."""

    def plan(self) -> Plan:
        """Look at the object and say what is to be done."""

    def predicted(self, plan: Plan) -> Facts:
        """The module's result as it would be."""

    def applied(self, plan: Plan) -> Facts:
        """Carry the plan out; the module's result."""


class ExplainedError(CloudError):
    """An error with facts for the module's result, for a playbook to look at."""

    def __init__(self, message: str, facts: Facts) -> None:
        super().__init__(message)
        self.facts = facts


def keep(module: AnsibleFace, resource: Callable[[], Resource]) -> None:
    """Observe, plan, apply, and end the module.

    :param resource: makes the resource; called here so that its errors end the module properly too.
    """

    def outcome() -> Facts:
        kept = resource()
        plan = kept.plan()
        facts = kept.predicted(plan) if module.check_mode else kept.applied(plan)
        return {"changed": plan.changed, "diff": plan.diff(), **facts}

    tell(module, outcome)


def tell(module: AnsibleFace, outcome: Callable[[], Facts]) -> None:
    """End the module with what ``outcome`` returns, or with the domain error that it raises."""
    try:
        facts = outcome()
    except CloudError as error:
        facts = error.facts if isinstance(error, ExplainedError) else {}
        module.fail_json(msg=str(error), request_id=error.request_id, **facts)
    else:
        module.exit_json(**facts)
