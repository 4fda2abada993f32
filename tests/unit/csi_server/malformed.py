# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as nobody sends them: bytes that are no message, and messages whose fields hold anything."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

#: A tag of an unknown field, one that is cut off, a string that is not UTF-8, a length beyond the end.
BROKEN = (b"\xff", b"\x08", b"\x0a\x02\xed\xa0", b"\x0a\xff\xff\xff\x7f", b"\x0a\x05ab", b"\xf8\x07\x01", b"")
STRINGS = (
    *("", " ", "\0", "a\0b", "a\nb", "\x7f", "%s%n", "'; --", "../../etc", "a/b", "?x=1", "#", "..", "."),
    *("é", "\U0001f4a9", "\u202eabc", "\ufffe", "a" * 300, "b" * 100_000, "-1", "1e9", "true", "ext4", "xfs"),
    *("9" * 5000, "[" * 20_000, '{"driver_volume_type": 1}', "null"),
    *("type", "fast", "pvc-1", "[]", "{}", "unix:///x", "18446744073709551616", "::", "ro", "a,b=c"),
)
WHOLE = (0, 1, -1, 2**31 - 1, -(2**31))
LONG = (*WHOLE, 2**63 - 1, -(2**63), 1024**3, 1024**3 + 1, 10**18)
ENUM = (*range(12), 1000, 2**31 - 1)


class Malformed:
    """Makes requests, the same ones for the same seed.

    :param known: strings that mean something to the program: ids, keys, paths.
    """

    def __init__(self, seed: int, known: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._strings = (*STRINGS, *list(known) * 3)

    def request(self, of: Descriptor) -> bytes:
        """Bytes for a method that takes such a message."""
        match self._random.randrange(4):
            case 0:
                return self._random.choice((*BROKEN, self._random.randbytes(self._random.randrange(64))))
            case 1:
                whole = bytearray(self._message(of).SerializeToString())
                for dummy in range(min(len(whole), self._random.randrange(4))):
                    whole[self._random.randrange(len(whole))] = self._random.randrange(256)
                return bytes(whole[: self._random.randrange(len(whole) + 1)])
            case _:
                return self._message(of).SerializeToString()

    def _message(self, of: Descriptor, depth: int = 0) -> Message:
        message = GetMessageClass(of)()
        for field in of.fields:
            if self._random.random() < 0.8 and depth < 6:
                self._fill(message, field, depth)
        return message

    def _fill(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        here = getattr(message, field.name)
        if _is_map(field):
            for dummy in range(self._random.choice((0, 1, 3, 200))):
                here[self._string()] = self._string()
        elif field.is_repeated:
            for dummy in range(self._random.choice((0, 1, 2, 30))):
                if field.message_type is not None:
                    here.add().CopyFrom(self._message(field.message_type, depth + 1))
                else:
                    here.append(self._scalar(field))
        elif field.message_type is not None:
            here.CopyFrom(self._message(field.message_type, depth + 1))
        else:
            setattr(message, field.name, self._scalar(field))

    def _string(self) -> str:
        return self._random.choice(self._strings)

    def _scalar(self, field: FieldDescriptor) -> str | int | bool | float | bytes:
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING:
                text = self._string()
                return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
            case FieldDescriptor.CPPTYPE_BOOL:
                return self._random.random() < 0.5
            case FieldDescriptor.CPPTYPE_ENUM:
                return self._random.choice(ENUM)
            case FieldDescriptor.CPPTYPE_INT64:
                return self._random.choice(LONG)
            case FieldDescriptor.CPPTYPE_UINT64 | FieldDescriptor.CPPTYPE_UINT32:
                return self._random.choice((0, 1, 2**31))
            case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
                return self._random.choice((0.0, -1.0, float("nan"), float("inf")))
            case _:
                return self._random.choice(WHOLE)


def with_one_fault(whole: Message) -> Iterator[Message]:
    """Make of a right message those in which one thing, at any depth, is lost or holds what it should not."""
    for field, value in whole.ListFields():
        lost = _copy(whole)
        lost.ClearField(field.name)
        yield lost
        for wrong in _wrong(field, value):
            changed = _copy(lost)
            here = getattr(changed, field.name)
            if _is_map(field):
                here.update(wrong)
            elif field.is_repeated:
                here.extend(wrong)
            elif field.message_type is not None:
                here.CopyFrom(wrong)
            else:
                setattr(changed, field.name, wrong)
            yield changed


def _wrong(field: FieldDescriptor, value: Any) -> Iterator[Any]:
    """What a field should not hold, made of what it may hold."""
    if _is_map(field):
        yield from ({**value, key: text} for key, text in itertools.product(value, STRINGS))
    elif field.is_repeated:
        for at, each in enumerate(value):
            yield from ([*value[:at], wrong, *value[at + 1 :]] for wrong in _wrong_one(field, each))
    else:
        yield from _wrong_one(field, value)


def _wrong_one(field: FieldDescriptor, value: Any) -> Iterable[Any]:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return with_one_fault(value)
        case FieldDescriptor.CPPTYPE_STRING:
            return STRINGS
        case FieldDescriptor.CPPTYPE_INT64:
            return LONG
        case FieldDescriptor.CPPTYPE_ENUM:
            return ENUM
        case _:
            return ()


def _copy(message: Message) -> Message:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
