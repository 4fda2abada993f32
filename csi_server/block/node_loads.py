# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many volumes of one cloud each node has, where the cloud refuses none.

Counted in memory, from one listing on: what this process attaches and detaches changes the count. Another
process, or a failure, can leave it too high; so a node is full only when a new listing says so too.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from ...plugins.module_utils._cloud.errors import OutOfCapacity, Timeout
from ...plugins.module_utils._cloud.volume import Volume
from ...plugins.module_utils._cloud.waiting import Deadline


class NodeLoads:
    """The volumes of each node.

    :param limit: how many a node may have.
    :param listed: lists the cloud's volumes that carry ``mine``.
    :param mine: metadata that marks a volume as made by this driver for this cluster.
    """

    def __init__(
        self, limit: int, listed: Callable[[Deadline], Iterable[Volume]], mine: Mapping[str, str]
    ) -> None:
        self._limit = limit
        self._listed = listed
        self._mine = mine
        self._listing = threading.Lock()
        self._lock = threading.Lock()
        self._counts = 0
        self._held: dict[str, set[str]] = {}
        # What no listing has: volumes that were not made for this cluster, or that are just being attached.
        self._unlisted: set[tuple[str, str]] = set()
        # What came and went while a listing is under way, None while none is.
        self._meanwhile: list[tuple[str, str, bool]] | None = None

    @contextlib.contextmanager
    def place(self, volume: Volume, node_id: str, deadline: Deadline) -> Iterator[None]:
        """Keep a place of a node for a volume while it is attached, and afterwards.

        :raises OutOfCapacity: the node has as many volumes as it may have.
        :raises CloudError: the volumes cannot be listed.
        """
        with self._lock:
            counts, has_place = self._counts, self._take(volume.id, node_id)
        if not has_place:
            self._count(counts, deadline)
            with self._lock:
                if not self._take(volume.id, node_id):
                    raise OutOfCapacity(
                        f"node {node_id} has {len(self._held[node_id])} volumes, and may have {self._limit}"
                        " (--max-volumes-per-node)"
                    )
        try:
            yield
        finally:
            self.keep(volume, node_id)

    def keep(self, volume: Volume, node_id: str) -> None:
        """Note that a node has a volume."""
        with self._lock:
            self._held.setdefault(node_id, set()).add(volume.id)
            if self._mine.items() <= volume.metadata.items():
                self._unlisted.discard((volume.id, node_id))
            else:
                self._unlisted.add((volume.id, node_id))
            if self._meanwhile is not None:
                self._meanwhile.append((volume.id, node_id, True))

    def free(self, volume_id: str, node_id: str) -> None:
        """Note that a node does not have a volume any more."""
        with self._lock:
            self._held.get(node_id, set()).discard(volume_id)
            self._unlisted.discard((volume_id, node_id))
            if self._meanwhile is not None:
                self._meanwhile.append((volume_id, node_id, False))

    def _take(self, volume_id: str, node_id: str) -> bool:
        """Give a volume a place, if the node is known to have one."""
        held = self._held.setdefault(node_id, set())
        if not self._counts or (volume_id not in held and len(held) >= self._limit):
            return False
        held.add(volume_id)
        self._unlisted.add((volume_id, node_id))
        return True

    def _count(self, counts: int, deadline: Deadline) -> None:
        """Count anew, unless somebody has since there were ``counts`` of them."""
        if not self._listing.acquire(timeout=deadline.left()):
            raise Timeout("gave up waiting for the volumes of the nodes to be counted")
        try:
            if self._counts == counts:
                self._list(deadline)
        finally:
            self._listing.release()

    def _list(self, deadline: Deadline) -> None:
        with self._lock:
            self._meanwhile = []
        try:
            held: dict[str, set[str]] = defaultdict(set)
            for volume in self._listed(deadline):
                for node_id in volume.node_ids():
                    held[node_id].add(volume.id)
            with self._lock:
                for volume_id, node_id, came in self._meanwhile:
                    (held[node_id].add if came else held[node_id].discard)(volume_id)
                for volume_id, node_id in self._unlisted:
                    held[node_id].add(volume_id)
                self._held = dict(held)
                self._counts += 1
        finally:
            with self._lock:
                self._meanwhile = None
