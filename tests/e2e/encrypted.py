# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted volumes, as Cinder and pods see them."""

from __future__ import annotations

import subprocess

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

WORDS = "in the clear it would be found"
NODES = ("node1", "node2")


def on_disk(volume, words):
    """Whether the file in which the lab's Cinder keeps a volume holds these words."""
    [file] = (LAB / "volumes").glob(f"*/*{volume}*")
    found = subprocess.run(["grep", "--quiet", "--text", words, str(file)], check=False)
    assert found.returncode in (0, 1)
    return found.returncode == 0


def grows(namespace, pod):
    """Whether the filesystem of a pod comes to have the two GiB of its volume."""

    def grown():
        kib = objects.run(namespace, pod, "df -Pk /data | tail -1 | awk '{print $2}'")
        return int(kib) > 1.5 * 1024**2

    return becomes(grown)


def on_node(script):
    """Run a script, given as input, on the first node."""
    return subprocess.run(
        [LAB / "bin" / "node-shell", NODES[0][-1], "-s"],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
