# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many volumes each node has, where nothing but this driver says when one is full.

Counted in memory, from one listing on: what this process publishes and unpublishes changes the count. Other
controllers, and failures, can make it too high, so a node is full only when a new listing says so too.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from ...plugins.module_utils._cloud.errors import OutOfCapacity


class NodeLoads:
    """The volumes of each node.

    :param limit: how many a node may have; None where the cloud refuses what is too many.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._held: dict[str, set[str]] = defaultdict(set)
        self._coming: set[tuple[str, str]] = set()
        self._listed = False

    @contextlib.contextmanager
    def place(
        self, volume_id: str, node_id: str, attached: Callable[[], Iterable[tuple[str, str]]]
    ) -> Iterator[None]:
        """Keep a place of a node for a volume while it is attached, and afterwards.

        :param attached: lists the volumes that are attached, each with its node.
        :raises OutOfCapacity: the node has as many as it may.
        """
        if self._limit is None:
            yield
            return
        with self._lock:
            if not self._listed or self._is_full(node_id, volume_id):
                self._count(attached())
            if self._is_full(node_id, volume_id):
                raise OutOfCapacity(
                    f"node {node_id} has {len(self._held[node_id])} volumes, and may have {self._limit}"
                    " (--max-volumes-per-node)"
                )
            self._held[node_id].add(volume_id)
            self._coming.add((volume_id, node_id))
        try:
            yield
        finally:
            with self._lock:
                self._coming.discard((volume_id, node_id))

    def free(self, volume_id: str, node_id: str) -> None:
        """Note that a volume is not on a node any more; without a node, on none."""
        with self._lock:
            for node in [node_id] if node_id else list(self._held):
                self._held[node].discard(volume_id)

    def _is_full(self, node_id: str, volume_id: str) -> bool:
        held = self._held[node_id]
        return self._limit is not None and volume_id not in held and len(held) >= self._limit

    def _count(self, attached: Iterable[tuple[str, str]]) -> None:
        held: dict[str, set[str]] = defaultdict(set)
        for volume_id, node_id in (*attached, *self._coming):
            held[node_id].add(volume_id)
        self._held, self._listed = held, True
