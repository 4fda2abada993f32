# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request without its secrets, for the log: the proto's own marks say which fields those are."""

from __future__ import annotations

import json
from collections.abc import Iterator

from google.protobuf.message import Message

from ..credentials import HIDDEN, credentials, hide
from ..proto import csi_pb2 as csi

#: Fields that tell which object a call is about, and their names in the log, where `name` is taken.
TELLING = {
    "name": "object",
    "volume_id": "volume_id",
    "source_volume_id": "source_volume_id",
    "snapshot_id": "snapshot_id",
    "group_snapshot_id": "group_snapshot_id",
    "node_id": "node_id",
}
#: Parts of an answer that are the object itself, and the field that holds its id.
MADE = {"volume": "volume_id", "snapshot": "snapshot_id", "group_snapshot": "group_snapshot_id"}
#: Has no mark in the proto, but carries what a node logs in to a storage array with.
_CREDENTIALS = "publish_context"
#: Keys whose values are no secrets, and which errors have to tell: the name of a cloud's section in
#: cloud.conf, and what a node knows a device by.
_PLAIN = frozenset({"cloud", "DevicePath", "readonly", "size", "serial"})


def subject(request: Message) -> dict[str, str]:
    """Return what a call is about, for the log line."""
    fields = request.DESCRIPTOR.fields_by_name
    return {
        name: getattr(request, field)
        for field, name in TELLING.items()
        if field in fields and getattr(request, field)
    }


def made(response: Message | None) -> dict[str, str]:
    """Return the id of the object that an answer holds, for the log line."""
    if response is None:
        return {}
    fields = response.DESCRIPTOR.fields_by_name
    return {
        name: getattr(getattr(response, field), name)
        for field, name in MADE.items()
        if field in fields and response.HasField(field)
    }


def redacted(request: Message) -> Message:
    """Return a copy of a request in which each secret value is hidden, at any depth."""
    copy = type(request)()
    copy.CopyFrom(request)
    for message, field in _secret_fields(copy):
        value = getattr(message, field)
        if isinstance(value, str | bytes):
            message.ClearField(field)
        else:
            for key in value.keys() - _PLAIN:
                value[key] = HIDDEN
    return copy


def without_secrets(text: str, request: Message) -> str:
    """Return a text in which no secret value of a request stands: an error may quote what it was given."""
    secrets: list[str] = []
    for message, field in _secret_fields(request):
        value = getattr(message, field)
        values = [value] if isinstance(value, str) else [value[key] for key in value.keys() - _PLAIN]
        for each in values:
            secrets += (each, *_credentials(each))
    return hide(text, secrets)


def _credentials(text: str) -> Iterator[str]:
    """Credentials inside of a value that is JSON, such as how to reach a volume."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from credentials(data)


def _secret_fields(message: Message) -> Iterator[tuple[Message, str]]:
    """Each field with secrets: the message that has it, and its name. It is a text, or a map of texts."""
    for field, value in message.ListFields():
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.GetOptions().Extensions[csi.csi_secret] or field.name == _CREDENTIALS:
            yield message, field.name
        elif field.message_type is None or is_map:
            continue
        elif field.is_repeated:
            for each in value:
                yield from _secret_fields(each)
        else:
            yield from _secret_fields(value)
