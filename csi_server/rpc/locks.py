# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call at a time on one object."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...plugins.module_utils._cloud.errors import Busy


class Locks:
    """Locks by key. Nobody waits: the kubelet and the sidecars repeat what is busy."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Hold ``key`` for the length of the block.

        :raises Busy: another call holds it.
        """
        with self._guard:
            if key in self._held:
                raise Busy(f"another call is working on {key}")
            self._held.add(key)
        try:
            yield
        finally:
            with self._guard:
                self._held.remove(key)
