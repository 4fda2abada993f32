# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes quantities: ``10Gi``, ``500M``, ``1e9``."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

from ..._cloud.errors import InvalidRequest

_FORM = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E|[eE][+-]?[0-9]{1,2})?")
_FACTORS = {
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))},
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    "m": Decimal(1) / 1000,
}


def quantity_bytes(field: str, text: str) -> int:
    """The bytes that a quantity stands for, rounded up as Kubernetes does.

    :param field: whose value it is, for the error.
    :raises InvalidRequest: it is no positive quantity.
    """
    match = _FORM.fullmatch(text)
    if match:
        unit = match[2] or ""
        factor = _FACTORS[unit] if unit in _FACTORS else Decimal(f"1{unit}")
        size = int((Decimal(match[1]) * factor).to_integral_value(ROUND_CEILING))
        if size > 0:
            return size
    raise InvalidRequest(f"{field}: {text!r} is no size; give a number with a unit, such as 10Gi")
