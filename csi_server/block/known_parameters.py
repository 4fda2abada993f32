# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of Kubernetes' classes: none is passed over in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..nearest import nearest


def check_known(kind: str, given: Iterable[str], known: Collection[str], describing: Collection[str]) -> None:
    """Check the names of a class's parameters.

    :param kind: of the class, for the message.
    :param describing: the sidecar's own parameters, which describe the claim or the snapshot.
    :raises InvalidRequest: one is unknown; names it, and the nearest known one.
    """
    for name in sorted(given):
        if name not in known and name not in describing:
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
            raise InvalidRequest(f"{kind} parameter {name} is unknown: {hint}")
