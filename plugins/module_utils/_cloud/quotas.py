# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: what its quotas leave a project.

Source: Block Storage API v3, "Quota sets extension".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .api import Api
from .waiting import Deadline


@dataclass(frozen=True)
class Quotas:
    """What is left of each quota; a name that is missing has no bound.

    :ivar left: by Cinder's names: ``gigabytes``, ``volumes``, ``gigabytes_TYPE``, ``volumes_TYPE``.
    :ivar largest: GiB that one volume may have, None for no bound.
    """

    left: Mapping[str, int]
    largest: int | None = None

    def gigabytes(self, volume_type: str) -> int | None:
        """Return how many GiB volumes of a type may still take, None for no bound.

        :param volume_type: its name; empty for any.
        """
        suffixes = ["", f"_{volume_type}"] if volume_type else [""]
        if any(self.left.get(f"volumes{suffix}", 1) < 1 for suffix in suffixes):
            return 0
        return min((self.left[n] for s in suffixes if (n := f"gigabytes{s}") in self.left), default=None)


class QuotaSets:
    """Adapter over Cinder's quotas.

    :param project_id: the project of the credential; without a request where the token is known.
    """

    def __init__(self, api: Api, project_id: Callable[[Deadline], str]) -> None:
        self._api = api
        self._project_id = project_id

    def read(self, deadline: Deadline) -> Quotas:
        """Return what the quotas of the credential's project leave."""
        body = self._api.request(
            "quota_get",
            "GET",
            f"/os-quota-sets/{self._project_id(deadline)}",
            "read the quotas",
            deadline,
            params={"usage": "True"},
        )
        return parse(body["quota_set"])


def parse(quota_set: Mapping[str, Any]) -> Quotas:
    """Read a quota set with its usage."""
    bounded = {n: q for n, q in quota_set.items() if isinstance(q, Mapping) and q["limit"] >= 0}
    largest = bounded.pop("per_volume_gigabytes", None)
    return Quotas(
        left={n: max(0, q["limit"] - q["in_use"] - q.get("reserved", 0)) for n, q in bounded.items()},
        largest=largest["limit"] if largest else None,
    )
