# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of cloud.conf: gcfg's, a kin of INI.

``[Section]`` or ``[Section "name"]``, ``key = value`` with the value bare or in double quotes, comments
after ``#`` or ``;``. Sections and keys may be written in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...plugins.module_utils._cloud.errors import InvalidRequest

_HEADER = re.compile(r'\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_BARE = re.compile(r"[^#;]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:[#;].*)?$')
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}

#: Entries by section: its name in small letters, and its own name in quotes or an empty string.
Sections = dict[tuple[str, str], dict[str, str]]


class BadConfiguration(InvalidRequest):
    """The file cannot be used. Its message never holds a value of it, as that may be a secret."""


def parse(text: str) -> Sections:
    """Read a file's sections; of a section that comes twice, the later values count.

    :raises BadConfiguration: names the line.
    """
    sections: Sections = {}
    current: dict[str, str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            header = _HEADER.match(line)
            if header is None:
                raise BadConfiguration(f'line {number} is no section: write [Name] or [Name "other"]')
            current = sections.setdefault((header[1].lower(), _unescaped(header[2] or "")), {})
            continue
        key, equals, value = line.partition("=")
        if current is None:
            raise BadConfiguration(f"line {number} stands before the first section")
        # What does not look like a key may be part of a value, and is not repeated.
        if not _KEY.fullmatch(key.strip()):
            raise BadConfiguration(f"line {number} is neither a section nor of the form key = value")
        current[key.strip().lower()] = _value(value.strip(), number) if equals else "true"
    return sections


def _value(text: str, number: int) -> str:
    if not text.startswith('"'):
        bare = _BARE.match(text)
        return bare[0].strip() if bare else ""
    quoted = _QUOTED.match(text)
    if quoted is None:
        raise BadConfiguration(f"line {number} has a quote that is not closed, or text behind it")
    return _unescaped(quoted[1])


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)


def boolean(entries: Mapping[str, str], key: str) -> bool:
    """Read a switch; one that is not there is off.

    :raises BadConfiguration: it is neither on nor off.
    """
    match entries.get(key, "false").lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0" | "":
            return False
    raise BadConfiguration(f"{key} is neither true nor false")


def refuse_unknown(section: str, entries: Mapping[str, str], known: set[str]) -> None:
    """:raises BadConfiguration: names the first key that is not among the known."""
    for key in entries:
        if key not in known:
            raise BadConfiguration(
                f"[{section}] has the unknown key {key}: known are {', '.join(sorted(known))}"
            )
