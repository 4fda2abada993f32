# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab that the benchmarks run in: its folder, its cloud, its nodes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import openstack

LAB = Path(os.environ.get("LAB_DIR", "/var/lib/mooring-lab"))
TIMEOUT = 180


def now() -> float:
    return time.monotonic()


def until(true: Callable[[], object], what: str, gap: float = 0.1) -> None:
    """Look every ``gap`` seconds until it is true."""
    end = now() + TIMEOUT
    while not true():
        if now() > end:
            raise TimeoutError(f"gave up waiting for {what}")
        time.sleep(gap)


def cloud() -> openstack.connection.Connection:
    config = openstack.config.OpenStackConfig(config_files=[str(LAB / "etc" / "clouds.yaml")])
    return openstack.connection.Connection(config=config.get_one(cloud="demo"))


def on_each_node(script: str) -> list[str]:
    """Run a script in the shell of each node; return what each wrote."""
    return [
        subprocess.run(
            [str(LAB / "bin" / "node-shell"), str(number), "-c", script],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for number in range(1, len(list((LAB / "uml").glob("node*"))) + 1)
    ]
