# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of cloud.conf: gcfg's, a kin of INI.

``[Section]`` or ``[Section "name"]``, ``key = value``, comments after ``#`` or ``;``. A value is bare, in
double quotes, or in parts of both; a backslash begins an escape, and at the end of a line it has the value
go on in the next one. Sections and keys may be written in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from ...plugins.module_utils._cloud.errors import InvalidRequest
from ..nearest import nearest

_HEADER = re.compile(r'\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# Text in quotes, escapes and ends of lines, anything else: no two of them begin alike.
_PARTS = r'(?:"(?:[^"\\\n]|\\[nbt"\\])*"|\\[nbt"\\\n]|[^"\\#;\n])*'
_VALUE = re.compile(rf"({_PARTS})(?:[#;].*)?", re.DOTALL)
_GOES_ON = re.compile(rf"{_PARTS}\\")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "\n": ""}


class Entries(dict[str, str]):
    """The entries of a section.

    :ivar lines: the number of the line on which each key stands.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


#: Entries by section: its name in small letters, and its own name in quotes or an empty string.
Sections = dict[tuple[str, str], Entries]


class BadConfiguration(InvalidRequest):
    """The file cannot be used. Its message never holds a value of it, as that may be a secret."""


def parse(text: str) -> Sections:
    """Read a file's sections; of a section that comes twice, the later values count.

    :raises BadConfiguration: names the line.
    """
    sections: Sections = {}
    current: Entries | None = None
    for number, line in _statements(text):
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            header = _HEADER.match(line)
            if header is None:
                raise BadConfiguration(f'line {number} is no section: write [Name] or [Name "other"]')
            current = sections.setdefault((header[1].lower(), _unescaped(header[2] or "")), Entries())
            continue
        key, equals, value = line.partition("=")
        if current is None:
            raise BadConfiguration(f"line {number} stands before the first section")
        # What does not look like a key may be part of a value, and is not repeated.
        if not _KEY.fullmatch(key.strip()):
            raise BadConfiguration(f"line {number} is neither a section nor of the form key = value")
        name = key.strip().lower()
        current[name] = _value(value, number) if equals else "true"
        current.lines[name] = number
    return sections


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, together with those in which its value goes on."""
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    for number, raw in lines:
        line = raw.lstrip()
        while line[:1] not in ("#", ";", "[") and _GOES_ON.fullmatch(line.partition("=")[2]):
            line += "\n" + next(lines, (0, ""))[1]
        yield number, line


def _value(text: str, number: int) -> str:
    value = _VALUE.fullmatch(text)
    if value is None:
        raise BadConfiguration(
            f"line {number} has a quote that is not closed, or a backslash that begins no escape: write"
            ' \\\\ for a backslash and \\" for a quote'
        )
    return re.sub(r'"|\\(?s:.)', _meant, value[1].strip(" \t\r"))


def _meant(part: re.Match[str]) -> str:
    """A quote stands for nothing, an escape for a character."""
    escaped = part[0][1:]
    return _ESCAPES.get(escaped, escaped)


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


def refuse_mistyped(
    section: str, entries: Mapping[str, str], known: Collection[str], others: Collection[str]
) -> None:
    """Refuse a key that is nearly a known one, and so is surely meant to be that.

    :param others: keys of other programs, which are no mistake however near they are.
    :raises BadConfiguration: names the key, and the nearest known one.
    """
    for key in entries:
        if near := "" if key in known or key in others else nearest(key, known):
            raise BadConfiguration(f"[{section}] has the unknown key {key}: did you mean {near}?")


def ignored(section: str, entries: Entries, known: Collection[str], others: Collection[str]) -> Iterator[str]:
    """Name the entries that mean nothing here.

    Those that nobody knows are named by their lines, as the rest of a secret may look like a key.
    """
    for key in entries:
        if key in others:
            yield f"[{section}] {key} is another program's"
        elif key not in known and not nearest(key, known):
            yield f"[{section}] has an unknown key on line {entries.lines[key]}"
