# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes quantities."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import InvalidRequest
from ansible_collections.mooring.storage.plugins.module_utils._module.claim.quantity import quantity_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1Gi", 2**30),
        ("0.5Gi", 2**29),
        (".5Ki", 512),
        ("1.", 1),
        ("10G", 10**10),
        ("1k", 1000),
        ("1e3", 1000),
        ("12E+2", 1200),
        ("2E", 2 * 10**18),
        ("1500m", 2),
        ("9Ei", 9 * 2**60),
    ],
)
def test_bytes(text, size):
    assert quantity_bytes("size", text) == size


@pytest.mark.parametrize("text", ["", "0", "0Gi", "-1Gi", "10GB", "10 Gi", "Gi", "1gi", "1Gi\n", "1e", "١Gi"])  # noqa: RUF001
def test_what_is_none_is_named(text):
    with pytest.raises(
        InvalidRequest, match=r"^size: .* is no size; give a number with a unit, such as 10Gi$"
    ):
        quantity_bytes("size", text)
