# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging and publishing where the node connects to volumes by itself: when it connects, and lets go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mooring.storage.csi_server.block.node_host import HostBlockNode
from ansible_collections.mooring.storage.csi_server.block.node_requests import (
    Access,
    Filesystem,
    Publish,
    Stage,
)
from ansible_collections.mooring.storage.csi_server.host.devices import Wanted
from ansible_collections.mooring.storage.csi_server.host.encryption import Encryption
from ansible_collections.mooring.storage.csi_server.host.errors import CommandFailed, NotStaged
from ansible_collections.mooring.storage.csi_server.host.filesystems import Filesystems
from ansible_collections.mooring.storage.csi_server.host.mounts import Mounts
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import (
    GIB,
    VOLUME,
    Clock,
    Machine,
    connected,
)

WANTED = Wanted(VOLUME, GIB, '{"driver_volume_type": "iscsi"}')


class Storage:
    """Stands for os-brick: connecting plugs a disk into the machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.calls: list[str] = []

    def connect(self, connection: Mapping[str, Any]) -> str:
        self.calls.append("connect")
        return str(self._machine.plug("sda", device__wwid=b"naa.1"))

    def disconnect(self, connection: Mapping[str, Any], path: str) -> None:
        self.calls.append("disconnect")
        self._machine.unplug("sda")

    def extend(self, connection: Mapping[str, Any]) -> None:
        raise AssertionError("nothing is expanded here")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "boot_id").write_text("boot-1\n")
    return Machine(tmp_path)


@pytest.fixture
def storage(machine: Machine) -> Storage:
    return Storage(machine)


@pytest.fixture
def node(tmp_path: Path, machine: Machine, storage: Storage) -> HostBlockNode:
    devices = connected(machine, storage, tmp_path)
    filesystems, mounts = Filesystems(machine), Mounts(machine, str(machine.mountinfo))
    return HostBlockNode(devices, filesystems, mounts, Encryption(machine, devices, filesystems))


def stage(node: HostBlockNode, machine: Machine, filesystem: Filesystem | None) -> None:
    request = Stage(VOLUME, WANTED, str(machine.kubelet / "staged"), Access(filesystem))
    node.stage(request, Deadline.after(1, Clock()))


def publish_raw(node: HostBlockNode, machine: Machine) -> None:
    paths = str(machine.kubelet / "staged"), str(machine.kubelet / "published")
    node.publish(Publish(VOLUME, WANTED, *paths, Access(None)))


def test_publishing_a_raw_volume_does_not_connect_to_it(
    node: HostBlockNode, machine: Machine, storage: Storage
) -> None:
    with pytest.raises(NotStaged, match="stage it first"):
        publish_raw(node, machine)
    assert storage.calls == []
    stage(node, machine, None)
    publish_raw(node, machine)
    assert storage.calls == ["connect"]


def test_a_stage_that_fails_for_good_disconnects(
    node: HostBlockNode, machine: Machine, storage: Storage
) -> None:
    machine.failures["mount"] = "wrong fs type"
    with pytest.raises(CommandFailed, match="wrong fs type"):
        stage(node, machine, Filesystem())
    assert storage.calls == ["connect", "disconnect"]
    machine.failures.clear()
    stage(node, machine, Filesystem())
    node.unstage(VOLUME, str(machine.kubelet / "staged"))
    assert storage.calls == ["connect", "disconnect"] * 2


def test_the_first_error_is_told_with_the_second_as_a_note(
    node: HostBlockNode, machine: Machine, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: Mapping[str, Any], path: str) -> None:
        raise CommandFailed("the session stays")

    monkeypatch.setattr(storage, "disconnect", fail)
    machine.failures["mount"] = "wrong fs type"
    with pytest.raises(CommandFailed, match="wrong fs type") as failure:
        stage(node, machine, Filesystem())
    assert failure.value.__notes__ == [f"volume {VOLUME} is left over on this node: the session stays"]
