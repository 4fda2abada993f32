# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How volumes were published: what an attachment is for, and the cloud does not keep."""

from __future__ import annotations

import threading

from ...plugins.module_utils._cloud.errors import Conflict


class Published:
    """Whether the attachments that this process made are for reading only.

    An attachment that was made by another process agrees with everything: there the node decides, which
    never stages a volume in two ways at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_only: dict[tuple[str, str], tuple[str, bool]] = {}

    def agree(self, volume_id: str, node_id: str, attachment_id: str, read_only: bool) -> None:
        """Remember how an attachment is published.

        :raises Conflict: it was published in the other way.
        """
        with self._lock:
            known = self._read_only.setdefault((volume_id, node_id), (attachment_id, read_only))
            if known[0] != attachment_id:
                # It went and came again behind this process's back.
                self._read_only[volume_id, node_id] = (attachment_id, read_only)
            elif known[1] != read_only:
                way = "for reading only" if known[1] else "for reading and writing"
                raise Conflict(f"volume {volume_id} is published on node {node_id} {way} already")

    def volumes(self) -> set[str]:
        """Return the ids of the volumes that are published."""
        with self._lock:
            return {volume_id for volume_id, dummy in self._read_only}

    def forget(self, volume_id: str, node_id: str) -> None:
        """Forget a volume that is taken from a node; without a node, from all of them."""
        with self._lock:
            for key in [key for key in self._read_only if key[0] == volume_id and node_id in ("", key[1])]:
                del self._read_only[key]
