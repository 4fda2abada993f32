# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of the test's cluster, a cloud without Nova, and check mode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DRIVER = "cinder.csi.openstack.org"
ZONE_KEY = "topology.cinder.csi.openstack.org/zone"
STANDIN = Path(__file__).resolve().parent / "standin"
Object = dict[str, Any]


@pytest.fixture
def a_node() -> Callable[..., list[Object]]:
    """Makes a Node and its CSINode. With ``driver=None``, no driver runs there."""

    def make(
        name: str,
        *,
        zone: str = "",
        tells_zone: bool = True,
        driver: str | None = DRIVER,
        node_id: str = "5f8ff4a7-0000-4000-8000-000000000000",
        ready: str = "True",
        **spec: Any,
    ) -> list[Object]:
        topology_keys = [ZONE_KEY] if zone and tells_zone else None
        running = {"name": driver, "nodeID": node_id, "topologyKeys": topology_keys}
        return [
            {
                "kind": "Node",
                "metadata": {"name": name, "labels": {ZONE_KEY: zone} if zone else {}},
                "spec": spec,
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            },
            {
                "kind": "CSINode",
                "metadata": {"name": name},
                "spec": {"drivers": [running] if driver else None},
            },
        ]

    return make


@pytest.fixture
def without_nova(tmp_path: Path) -> None:
    """Whoever asks Nova is told that there is none."""
    plugins = tmp_path / "collections" / "ansible_collections" / "openstack" / "cloud" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "action").symlink_to(STANDIN)
