# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: what is done alike to one object of whatever kind, known by its id.

A kind is Cinder's word for it in the body of an answer: ``volume``, ``group_snapshot``.

Source: Block Storage API v3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from .api import Api
from .errors import Failed, InUse, InvalidRequest, NotFound
from .paths import segment
from .polling import SharedPoller
from .waiting import Deadline, PaceSource


class WithStatus(Protocol):
    """What Cinder has a status of."""

    @property
    def status(self) -> str: ...


T = TypeVar("T", bound=WithStatus)


def shown(
    api: Api, kind: str, object_id: str, deadline: Deadline, params: Mapping[str, str | int] | None = None
) -> dict[str, Any] | None:
    """Return the object as Cinder shows it, None when there is none of that id."""
    action = f"read {_words(kind)} {object_id}"
    try:
        body = api.request(f"{kind}_get", "GET", _path(kind, object_id), action, deadline, params=params)
    except NotFound:
        return None
    return dict(body[kind])


def delete(api: Api, kind: str, object_id: str, deadline: Deadline) -> bool:
    """Ask for an object to be deleted. Return whether there is anything to wait for.

    :raises InUse: its state, or what hangs on it, forbids it.
    """
    action = f"delete {_words(kind)} {object_id}"
    try:
        api.request(f"{kind}_delete", "DELETE", _path(kind, object_id), action, deadline)
    except NotFound:
        return False
    except InvalidRequest as refused:
        # Cinder answers 400 for every state that it does not like.
        raise InUse(refused.message, refused.request_id) from refused
    return True


def wait_until_gone(
    poller: SharedPoller[T],
    kind: str,
    object_id: str,
    reason: Callable[[T], str],
    deadline: Deadline,
    pace: PaceSource,
) -> None:
    """Wait until an object that is being deleted does not exist any more.

    :param reason: tells of one that is not being deleted any more why that is.
    :raises Failed: Cinder could not delete it; the message holds the reason.
    """

    def judge(now: T | None) -> bool | None:
        if now is None:
            return True
        if now.status == "deleting":
            return None
        raise Failed(f"Cinder could not delete {now}: {reason(now)}")

    poller.wait_until_gone(object_id, judge, f"{_words(kind)} {object_id} to be deleted", deadline, pace)


def _path(kind: str, object_id: str) -> str:
    return f"/{kind}s/{segment(object_id)}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")
