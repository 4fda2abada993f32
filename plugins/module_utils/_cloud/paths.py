# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids as parts of a request's path."""

from __future__ import annotations

import re

from .errors import NotFound

_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._:~-]{1,255}")


def segment(identifier: str) -> str:
    """Return an id for use in a path.

    :raises NotFound: no object can have it. Sent, it might lead to another object: ``x/action``, ``../x``.
    """
    if not _ID.fullmatch(identifier):
        raise NotFound(f"nothing in OpenStack has the id {identifier[:80]!r}")
    return identifier
