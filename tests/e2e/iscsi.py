# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests do with volumes to which the nodes connect by themselves."""

from __future__ import annotations

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import on_node

#: Writes to the folder ``/data``, and tells what it wrote.
WRITE = "dd if=/dev/urandom of=/data/random bs=1M count=8 conv=fsync 2>/dev/null; md5sum /data/random"
READ = "md5sum /data/random"


def sessions(number: str, volume: str) -> list[str]:
    """The iSCSI sessions that a node has with the target of a volume."""
    listed = on_node(number, "grep -s . /sys/class/iscsi_session/*/targetname || true")
    return [line for line in listed.splitlines() if volume in line]


def grow_and_move(namespace: str, claim: str, read: str) -> str:
    """Have a claim grow to 2 GiB under the pod ``writer``, and move to the pod ``reader`` on node2.

    :param read: a script. Returns what it says there.
    """
    objects.grow(namespace, claim, "2Gi")
    objects.wait_for_capacity(namespace, claim, "2Gi")
    assert int(objects.run(namespace, "writer", "df -Pm /data | awk 'END { print $2 }'")) > 1800

    objects.delete("pod", "writer", namespace)
    objects.apply(objects.pod(namespace, "reader", {"/data": claim}, nodeName="node2"))
    objects.wait_ready(namespace, "reader")
    return objects.run(namespace, "reader", read)
