# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab's nodes are when a test has failed. One that hangs is booted anew: the next tests need it."""

from __future__ import annotations

import fcntl
import subprocess

from ansible_collections.mooring.storage.scripts.run_tests import HUNG_NODES
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

NODES = ("1", "2")
LOCK = LAB / "run" / "node-states.lock"
#: What nodes that hung have told, for who reads the lab's logs.
HUNG = LAB / "log" / HUNG_NODES
READY_SECONDS = "120"


def run(*command: str) -> tuple[int, str]:
    """The exit status and the output of one of the lab's commands."""
    done = subprocess.run(
        [LAB / "bin" / command[0], *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def boot_anew(number: str) -> str:
    """Cut a node's power and switch it on again. Return what the lab's commands say of it."""
    commands = (("node-power", "off", number), ("node-power", "on", number), ("nodes-ready", READY_SECONDS))
    return "".join(run(*command)[1] for command in commands)


def ask(number: str) -> str:
    """What a node tells, or its kernel if it does not answer. One that hangs is booted anew."""
    status, told = run("node-state", number)
    told = f"node{number}: {told}"
    if status != 0:
        told += boot_anew(number)
        with HUNG.open("a") as kept:
            kept.write(told)
    return told


def ask_all() -> str:
    """What all nodes tell.

    Tests run side by side: the second of those that find a node hanging finds it booted.
    """
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return "".join(ask(number) for number in NODES)


def has_hung_since(began: float) -> bool:
    """Whether a node was found hanging after that time, in seconds since the epoch."""
    return HUNG.exists() and HUNG.stat().st_mtime > began
