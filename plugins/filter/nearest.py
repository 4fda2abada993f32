# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: the known word that a mistyped one most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

DOCUMENTATION = r"""
name: nearest
author: The mooring.storage authors
version_added: 0.1.0
short_description: The known word that a mistyped one most likely meant
description:
  - Compares a word with known ones and returns the most alike of them, or an empty string when none is alike.
positional: known
options:
  _input:
    description: The word to look up.
    type: str
    required: true
  known:
    description: The words to choose from.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Prints availability
  ansible.builtin.debug:
    msg: "{{ 'availabilty' | mooring.storage.nearest(['type', 'availability']) }}"
"""

RETURN = r"""
_value:
  description: The most alike of the known words, or an empty string.
  type: str
"""


def nearest(word: str, known: Iterable[str]) -> str:
    """The most alike of the known words, without regard to case; an empty string when none is alike."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(str(word).lower(), by_lower, n=1)
    return by_lower[found[0]] if found else ""


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[[str, Iterable[str]], str]]:
        """The filters by name."""
        return {"nearest": nearest}
