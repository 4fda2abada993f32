# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a description of storage is a credential: one rule for logs, errors and a node's disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

HIDDEN = "***"
#: A login's name is none, and some storage needs it to take a connection down.
_NAMES = re.compile(r"password|passphrase|secret|token|key", re.IGNORECASE)
#: Shorter values stand in many a word by chance.
_SHORTEST = 4


def credentials(data: object) -> Iterator[str]:
    """The values of credentials, at any depth of mappings and lists."""
    todo = [data]
    while todo:
        each = todo.pop()
        if isinstance(each, list):
            todo += each
        elif isinstance(each, dict):
            todo += each.values()
            yield from (
                value for name, value in each.items() if isinstance(value, str) and _NAMES.search(name)
            )


def without_credentials(data: Any) -> Any:
    """A copy of mappings and lists that lacks whatever has the name of a credential, at any depth."""
    if isinstance(data, list):
        return [without_credentials(each) for each in data]
    if isinstance(data, dict):
        return {name: without_credentials(value) for name, value in data.items() if not _NAMES.search(name)}
    return data


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which none of the secrets stands."""
    # The longest first: one may be part of another.
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    return text
