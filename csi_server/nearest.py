# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Collection


def nearest(word: str, known: Collection[str]) -> str:
    """Return the known word that is most like another, an empty string when none is."""
    # Imported here: mistakes are rare, and a node keeps what it imports.
    import difflib

    return next(iter(difflib.get_close_matches(word, known, n=1)), "")
