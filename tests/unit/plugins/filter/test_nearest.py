# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter nearest."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.filter.nearest import FilterModule

KNOWN = ["type", "availability"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("availabilty", "availability"), ("Type", "type"), ("tpye", "type"), ("colour", ""), ("", "")],
)
def test_the_most_alike_word_is_found_or_none(word, meant):
    assert FilterModule().filters()["nearest"](word, KNOWN) == meant
