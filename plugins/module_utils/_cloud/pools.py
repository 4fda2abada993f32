# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: the pools of its back ends, which by default only administrators see.

Source: Block Storage API v3, "Back-end storage pools", "Services"; Cinder's CapacityFilter with its
calculate_max_over_subscription_ratio, and CapabilitiesFilter, which decide where a volume goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .api import Api
from .waiting import Deadline

_CAPABILITIES = "capabilities:"
#: The ratio that Cinder begins with where a pool's is ``auto``.
_FIRST_AUTO_RATIO = 20.0
_OPERATORS = frozenset(
    {"=", "==", "!=", ">=", "<=", "s==", "s!=", "s<", "s<=", "s>", "s>=", "<in>", "<all-in>", "<or>"}
)


@dataclass(frozen=True)
class Pool:
    """A pool as the scheduler sees it.

    :ivar zone: the availability zone of its service.
    :ivar free: GiB that volumes can still take, over-subscription included; None when it has no bound
        that Cinder knows.
    """

    name: str
    zone: str
    free: int | None
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    def takes(self, extra_specs: Mapping[str, str]) -> bool:
        """Say whether volumes of a type may go here, by the demands that Cinder's filter reads as plain ones.

        Demands in the filter's other operators are taken as met.
        """
        for name, wanted in extra_specs.items():
            key = name.removeprefix(_CAPABILITIES)
            if ":" in key:
                # Another namespace: not about what a pool can do.
                continue
            operator, dummy, value = wanted.partition(" ")
            has = str(self.capabilities.get(key))
            if operator == "<is>":
                fits = (has.lower() == "true") == (value.strip().lower() == "true")
            else:
                fits = has == wanted or operator in _OPERATORS
            if key not in self.capabilities or not fits:
                return False
        return True


class Pools:
    """Adapter over Cinder's scheduler statistics."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def listed(self, deadline: Deadline) -> list[Pool]:
        """Return the pools of the back ends that are up.

        :raises Forbidden: the credential may not see them.
        """
        pools = self._api.request(
            "pool_list",
            "GET",
            "/scheduler-stats/get_pools",
            "list the pools",
            deadline,
            params={"detail": "True"},
        )
        services = self._api.request(
            "service_list",
            "GET",
            "/os-services",
            "list Cinder's services",
            deadline,
            params={"binary": "cinder-volume"},
        )
        zones = {service["host"]: service["zone"] for service in services["services"]}
        return [
            Pool(
                name=each["name"],
                zone=zones.get(each["name"].partition("#")[0], ""),
                free=free_gib(each["capabilities"]),
                capabilities=each["capabilities"],
            )
            for each in pools["pools"]
            if each["capabilities"].get("backend_state", "up") == "up"
        ]


def free_gib(capabilities: Mapping[str, Any]) -> int | None:
    """Return how many GiB the scheduler would still place in a pool, None when it does not count them."""
    free, total = (_number(capabilities.get(f"{name}_capacity_gb")) for name in ("free", "total"))
    if free is None or total is None:
        return None
    reserved = total * float(capabilities.get("reserved_percentage") or 0) / 100
    available = free - reserved
    if _is_true(capabilities.get("thin_provisioning_support")):
        provisioned = _provisioned(capabilities)
        ratio = _ratio(capabilities, provisioned, total - free)
        available = (total - reserved) * ratio - provisioned
    return max(0, int(available))


def _provisioned(capabilities: Mapping[str, Any]) -> float:
    """Return the GiB of all volumes in a pool: those of others too where its driver counts them."""
    allocated = capabilities.get("allocated_capacity_gb")
    return float(capabilities.get("provisioned_capacity_gb", allocated) or 0)


def _ratio(capabilities: Mapping[str, Any], provisioned: float, used: float) -> float:
    """Return how often a pool may promise its space.

    :param provisioned, used: GiB. By these, ``auto`` is what has turned out so far.
    """
    ratio = capabilities.get("max_over_subscription_ratio") or 1
    if ratio != "auto":
        return float(ratio)
    return 1 + provisioned / (used + 1) if provisioned else _FIRST_AUTO_RATIO


def _number(value: Any) -> float | None:
    """A figure that may also be ``infinite`` or ``unknown``."""
    return float(value) if isinstance(value, int | float) else None


def _is_true(value: Any) -> bool:
    return str(value).lower() in ("true", "<is> true")
