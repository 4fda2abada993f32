# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module is going to do: check mode, diff, ``changed`` and the result all come from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

Facts = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One step.

    :ivar action: a member of the resource's own enumeration of actions.
    :ivar before: what the step replaces; None when it is new.
    :ivar after: what the step makes of it; None when it goes.
    """

    action: Enum
    before: Any
    after: Any


@dataclass(frozen=True)
class Plan:
    """The way from an object as it is to the object as it shall be.

    :ivar before: the object's facts as observed; None when there is no such object.
    :ivar after: its facts once the changes are made; None when it is gone then.
    :ivar changes: the steps, in order; empty when all is right.
    """

    before: Facts | None
    after: Facts | None
    changes: tuple[Change, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    def diff(self) -> dict[str, Facts]:
        """The two states as Ansible shows them."""
        return {"before": self.before or {}, "after": self.after or {}}
