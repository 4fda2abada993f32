# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much can still be provisioned: what the quotas leave and, where the credential sees them, the pools."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ...plugins.module_utils._cloud.errors import Forbidden, InvalidRequest
from ...plugins.module_utils._cloud.pools import Pool
from ...plugins.module_utils._cloud.quotas import Quotas
from ...plugins.module_utils._cloud.volume_types import VolumeTypeRef
from ...plugins.module_utils._cloud.waiting import SYSTEM_CLOCK, Clock, Deadline
from .recent import Recent

LOG = logging.getLogger(__name__)

#: GiB. What is said where nothing bounds a volume: the most that CSI's signed 64-bit byte counts hold.
UNBOUNDED = 2**33 - 1
#: Seconds. The provisioner asks for each class in each zone, one right after the other.
FIGURES_HOLD = 10.0
#: Seconds. Types and zones change seldom; a type that is not among them is looked for at once.
PLACES_HOLD = 300.0
#: Seconds until a refusal is tried again: rights change seldom.
REFUSAL_HOLDS = 600.0
_RESTRICTED = "RESKEY:availability_zones"


class PoolsPort(Protocol):
    """See _cloud.pools.Pools."""

    def listed(self, deadline: Deadline) -> list[Pool]: ...


class QuotasPort(Protocol):
    """See _cloud.quotas.QuotaSets."""

    def read(self, deadline: Deadline) -> Quotas: ...


class ZonesPort(Protocol):
    """See _cloud.volumes.Volumes."""

    def zones(self, deadline: Deadline) -> list[str]: ...


class TypesPort(Protocol):
    """See _cloud.volume_types.VolumeTypes."""

    def listed(self, deadline: Deadline) -> list[VolumeTypeRef]: ...
    def default(self, deadline: Deadline) -> VolumeTypeRef | None: ...


@dataclass(frozen=True)
class Places:
    """What a volume may be, and where.

    :ivar default: the type of volumes that name none, None where Cinder has no default.
    """

    types: Sequence[VolumeTypeRef]
    default: VolumeTypeRef | None
    zones: Sequence[str]

    def has(self, volume_type: str) -> bool:
        """Say whether there is a type of this name or id; the default always is."""
        return not volume_type or any(volume_type in (each.id, each.name) for each in self.types)


@dataclass(frozen=True)
class Figures:
    """What one look at the cloud tells.

    :ivar pools: None where the credential may not see them.
    """

    quotas: Quotas
    pools: Sequence[Pool] | None


@dataclass(frozen=True)
class Capacity:
    """GiB that volumes can still take in all, and that one volume can have."""

    available: int
    largest: int


class VolumeCapacity:
    """The capacity of one cloud."""

    def __init__(
        self,
        zones: ZonesPort,
        types: TypesPort,
        quotas: QuotasPort,
        pools: PoolsPort,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._zones = zones
        self._types = types
        self._quotas = quotas
        self._pools = pools
        self._figures: Recent[None, Figures] = Recent(FIGURES_HOLD, clock)
        self._places: Recent[None, Places] = Recent(PLACES_HOLD, clock)
        self._refused: Recent[None, bool] = Recent(REFUSAL_HOLDS, clock)

    def of(self, volume_type: str, zone: str, shared: bool, deadline: Deadline) -> Capacity:
        """Return what volumes of a type can take in a zone.

        :param volume_type: name or id; empty for Cinder's default.
        :param zone: Cinder's; empty for any.
        :param shared: volumes for several nodes at once.
        :raises InvalidRequest: there is no such type.
        """
        places = self._places.get(None)
        if places is None or not places.has(volume_type):
            places = Places(
                self._types.listed(deadline), self._types.default(deadline), self._zones.zones(deadline)
            )
            self._places.put(None, places)
        figures = self._figures.get(None)
        if figures is None:
            figures = Figures(self._quotas.read(deadline), self._look_at_pools(deadline))
            self._figures.put(None, figures)
        return compute(places, figures, volume_type, zone, shared)

    def _look_at_pools(self, deadline: Deadline) -> list[Pool] | None:
        if self._refused.get(None):
            return None
        try:
            return self._pools.listed(deadline)
        except Forbidden as refused:
            LOG.info("capacity comes from the quotas alone", extra={"error": str(refused)})
            self._refused.put(None, True)
            return None


def compute(places: Places, figures: Figures, volume_type: str, zone: str, shared: bool) -> Capacity:
    """Return the capacity that figures amount to; see VolumeCapacity.of."""
    wanted = places.default
    if volume_type:
        wanted = next((each for each in places.types if volume_type in (each.id, each.name)), None)
        if wanted is None:
            known = ", ".join(sorted(each.name for each in places.types))
            raise InvalidRequest(f"volume type {volume_type!r} does not exist: known are {known}")
    specs = dict(wanted.extra_specs or {}) if wanted else {}
    allowed = [each.strip() for each in specs.get(_RESTRICTED, "").split(",") if each.strip()]
    if zone and (zone not in places.zones or (allowed and zone not in allowed)):
        return Capacity(0, 0)
    if shared and wanted and wanted.multiattach is False:
        return Capacity(0, 0)
    bounds = [UNBOUNDED, figures.quotas.gigabytes(wanted.name if wanted else "")]
    largest = [figures.quotas.largest]
    if figures.pools is not None:
        free = [
            UNBOUNDED if pool.free is None else pool.free
            for pool in figures.pools
            if zone in ("", pool.zone) and (not allowed or pool.zone in allowed) and pool.takes(specs)
        ]
        bounds.append(sum(free))
        largest.append(max(free, default=0))
    available = min(bound for bound in bounds if bound is not None)
    return Capacity(available, min([available, *(bound for bound in largest if bound is not None)]))
