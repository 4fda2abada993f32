# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request without its secrets, for the log: the proto's own marks say which fields those are."""

from __future__ import annotations

from google.protobuf.message import Message

from ..proto import csi_pb2 as csi

#: Fields that tell which object a call is about, and their names in the log, where `name` is taken.
TELLING = {"name": "object", "volume_id": "volume_id", "snapshot_id": "snapshot_id", "node_id": "node_id"}
HIDDEN = "***"


def subject(request: Message) -> dict[str, str]:
    """Return what a call is about, for the log line."""
    fields = request.DESCRIPTOR.fields_by_name
    return {
        name: getattr(request, field)
        for field, name in TELLING.items()
        if field in fields and getattr(request, field)
    }


def redacted(request: Message) -> Message:
    """Return a copy of a request in which each value marked csi_secret is hidden, at any depth."""
    copy = type(request)()
    copy.CopyFrom(request)
    _hide(copy)
    return copy


def _hide(message: Message) -> None:
    for field, value in message.ListFields():
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.GetOptions().Extensions[csi.csi_secret]:
            if is_map:
                for key in value:
                    value[key] = HIDDEN
            else:
                message.ClearField(field.name)
        elif field.message_type is None or is_map:
            continue
        elif field.is_repeated:
            for each in value:
                _hide(each)
        else:
            _hide(value)
