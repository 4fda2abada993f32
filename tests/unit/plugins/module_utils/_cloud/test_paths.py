# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An id leads to its own object or nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import NotFound
from ansible_collections.mooring.storage.plugins.module_utils._cloud.paths import segment


@given(st.uuids())
def test_a_uuid_is_an_id(identifier: object) -> None:
    assert segment(str(identifier)) == str(identifier)


@pytest.mark.parametrize(
    "identifier", ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\n", "é", "a" * 256]
)
def test_what_no_object_can_have_is_found_nowhere(identifier: str) -> None:
    with pytest.raises(NotFound):
        segment(identifier)


@given(st.text())
def test_no_text_makes_two_segments(identifier: str) -> None:
    try:
        sent = segment(identifier)
    except NotFound:
        return
    assert not set(sent) & set("/?#%\\")
    assert sent not in (".", "..")
