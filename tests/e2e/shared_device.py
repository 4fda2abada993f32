# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One raw device for pods on two nodes."""

from __future__ import annotations

from ansible_collections.mooring.storage.tests.e2e import objects

NODES = ("node1", "node2")


def two_nodes_write(namespace: str, storage_class: str) -> None:
    """Have pods on both nodes, named as they are, write to the claim ``shared`` and read the other's."""
    objects.apply(
        objects.claim(namespace, "shared", storage_class, accessModes=["ReadWriteMany"], volumeMode="Block"),
        *(objects.pod(namespace, node, devices={"/dev/shared": "shared"}, nodeName=node) for node in NODES),
    )
    for node in NODES:
        objects.wait_ready(namespace, node)
    for offset, (writer, reader) in enumerate((NODES, NODES[::-1])):
        write = f"printf 'from {writer}' | dd of=/dev/shared bs=1M seek={offset} conv=fsync,notrunc"
        objects.run(namespace, writer, write)
        assert read(namespace, reader, offset) == f"from {writer}"


def read(namespace: str, pod: str, offset: int) -> str:
    """What a pod reads of what was written at an offset, from the disk itself."""
    return objects.run(
        namespace, pod, f"dd if=/dev/shared bs=1M skip={offset} count=1 iflag=direct | head -c 10"
    )
