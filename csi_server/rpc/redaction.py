# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request without its secrets, for the log: the proto's own marks say which fields those are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set

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
#: Characters of such a field in the log; CSI has names and ids of 128 bytes, but for a few.
_LONGEST_SUBJECT = 512
#: A key of secrets whose value is none, and which errors have to tell: the name of a section in cloud.conf.
_CLOUD = "cloud"
#: Has no mark in the proto, but carries what a node logs in to a storage array with; and its keys that do
#: not: what a node knows a device by.
_CREDENTIALS = "publish_context"
_PLAIN = frozenset({"DevicePath", "readonly", "size", "serial"})
#: Has no mark either; its one key that holds a secret, where a CSIDriver object has tokenRequests.
_CONTEXT = "volume_context"
_TOKENS = frozenset({"csi.storage.k8s.io/serviceAccount.tokens"})


def subject(request: Message) -> dict[str, str]:
    """Return what a call is about, for the log line."""
    fields = request.DESCRIPTOR.fields_by_name
    return {
        name: getattr(request, field)[:_LONGEST_SUBJECT]
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
            for key in _secret_keys(field, value):
                value[key] = HIDDEN
    return copy


def without_secrets(text: str, request: Message) -> str:
    """Return a text in which no secret value of a request stands: an error may quote what it was given."""
    secrets: list[str] = []
    for message, field in _secret_fields(request):
        value = getattr(message, field)
        values = [value] if isinstance(value, str) else [value[key] for key in _secret_keys(field, value)]
        for each in values:
            secrets += (shape for secret in (each, *_credentials(each)) for shape in _shapes(secret))
    return hide(text, secrets)


def _shapes(secret: str) -> Iterator[str]:
    """A secret as it is, without the line end of the file that it comes from, and as errors quote it."""
    for text in (secret, secret.strip()):
        yield from (text, repr(text)[1:-1], json.dumps(text)[1:-1])


def _credentials(text: str) -> Iterator[str]:
    """Credentials inside of a value that is JSON, such as how to reach a volume."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from credentials(data)


def _secret_keys(field: str, value: Mapping[str, str]) -> Set[str]:
    """The keys of a map that have a secret for a value."""
    if field == _CREDENTIALS:
        return value.keys() - _PLAIN
    if field == _CONTEXT:
        return value.keys() & _TOKENS
    return value.keys() - {_CLOUD}


def _secret_fields(message: Message) -> Iterator[tuple[Message, str]]:
    """Each field with secrets: the message that has it, and its name. It is a text, or a map of texts."""
    for field, value in message.ListFields():
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.GetOptions().Extensions[csi.csi_secret] or field.name in (_CREDENTIALS, _CONTEXT):
            yield message, field.name
        elif field.message_type is None or is_map:
            continue
        elif field.is_repeated:
            for each in value:
                yield from _secret_fields(each)
        else:
            yield from _secret_fields(value)
