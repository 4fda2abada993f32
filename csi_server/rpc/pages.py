# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings of the driver in pages.

A token is the id that a page ended with, and the order is that of the ids: so a token holds whatever
comes and goes meanwhile, its own object included, and whichever process is asked.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ...plugins.module_utils._cloud.errors import CloudError, InvalidRequest


class BadToken(CloudError):
    """A starting_token that no listing of this driver gave."""


class Identified(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some entries of a listing, and the token of what follows: empty when nothing does."""

    entries: list[T]
    next_token: str


def page(objects: Iterable[T], max_entries: int, starting_token: str) -> Page[T]:
    """Return the page that a request asks for.

    :param max_entries: 0 for all.
    :raises BadToken: the token is not one of this driver's.
    :raises InvalidRequest: ``max_entries`` is negative.
    """
    if max_entries < 0:
        raise InvalidRequest(f"max_entries {max_entries} is negative: give 0 for all, or how many")
    if starting_token and not _is_id(starting_token):
        raise BadToken(f"starting_token {starting_token!r} was not given by this driver: begin without one")
    following = sorted((each for each in objects if each.id > starting_token), key=lambda each: each.id)
    entries = following[: max_entries or None]
    return Page(entries, entries[-1].id if len(entries) < len(following) else "")


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
