# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices to which a node connects by itself: found again, never mistaken, given back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server.block.node_health import NodeHealth
from ansible_collections.mooring.storage.csi_server.host.connections import ConnectedDevices
from ansible_collections.mooring.storage.csi_server.host.devices import Wanted
from ansible_collections.mooring.storage.csi_server.host.errors import (
    CommandFailed,
    DeviceMismatch,
    DeviceNotReady,
    InvalidHostRequest,
    TargetMissing,
)
from ansible_collections.mooring.storage.csi_server.host.health import Health
from ansible_collections.mooring.storage.csi_server.host.mounts import Mounts
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import (
    GIB,
    OTHER,
    VOLUME,
    Clock,
    Machine,
    connected,
)

PASSWORD = "chap-secret-1"
KEYRING = "keyring-secret-1"
PROPERTIES = {
    "driver_volume_type": "iscsi",
    "target_portal": "192.0.2.1:3260",
    "target_iqn": "iqn.v",
    "auth_username": "user",
    "auth_password": PASSWORD,
    "paths": [{"keyring": KEYRING}],
}
WANTED = Wanted(VOLUME, GIB, json.dumps(PROPERTIES))


class Storage:
    """Stands for os-brick: connecting plugs a disk into the machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.calls: list[tuple[str, str]] = []
        self.size = GIB
        self.name = "sda"
        self.shown = {"device__wwid": b"naa.1"}

    def connect(self, connection):
        assert connection["auth_password"] == PASSWORD
        self.calls.append(("connect", connection["target_iqn"]))
        return str(self.machine.plug(self.name, "", self.size, "", **self.shown))

    def disconnect(self, connection, path):
        self.calls.append(("disconnect", path))
        self.machine.unplug(self.name)

    def extend(self, connection):
        self.machine.grow("sda", 2 * GIB)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "boot_id").write_text("boot-1\n")
    return Machine(tmp_path)


@pytest.fixture
def storage(machine: Machine) -> Storage:
    return Storage(machine)


@pytest.fixture
def node(tmp_path: Path, machine: Machine, storage: Storage):
    """A node's driver as it is after a start."""

    def start() -> ConnectedDevices:
        return connected(machine, storage, tmp_path)

    return start


def fail(*dummy: object) -> None:
    raise CommandFailed("exit code 1")


def soon() -> Deadline:
    return Deadline.after(1, Clock())


def test_a_connection_that_os_brick_cannot_use_holds_nothing_up(node, storage, monkeypatch) -> None:
    wanted = Wanted(VOLUME, GIB, json.dumps({"driver_volume_type": "iscsi", "auth_password": PASSWORD}))
    with pytest.raises(InvalidHostRequest, match=f"the connection to volume {VOLUME}: KeyError") as error:
        node().find(wanted, soon())
    assert PASSWORD not in str(error.value)
    with monkeypatch.context() as patched:
        patched.setattr(storage, "disconnect", lambda connection, path: connection["target_iqn"])
        node().release(VOLUME)
    node().release(VOLUME)
    assert storage.calls == []


def test_a_volume_with_a_long_id_is_as_any_other(node, storage) -> None:
    wanted = Wanted("é" * 300, GIB, json.dumps(PROPERTIES))
    assert node().find(wanted, soon()).size == GIB
    node().release("é" * 300)
    assert [call for call, dummy in storage.calls] == ["connect", "disconnect"]


def test_a_volume_is_connected_to_once(node, storage) -> None:
    first = node().find(WANTED, soon())
    again = node()
    assert again.find(Wanted(VOLUME), soon()) == first
    assert again.carries(first, VOLUME)
    assert not again.carries(first, OTHER)
    assert storage.calls == [("connect", "iqn.v")]


def test_a_volume_is_on_the_node_while_it_is_connected(node, machine) -> None:
    health = NodeHealth(node(), Mounts(machine), Health())
    with pytest.raises(TargetMissing, match="is not on this node"):
        health.of_volume(VOLUME, [])
    node().find(WANTED, soon())
    assert health.of_volume(VOLUME, []) == []


def test_no_secret_is_written_down(node, tmp_path: Path) -> None:
    node().find(WANTED, soon())
    written = [path.read_text() for path in (tmp_path / "connections").iterdir()]
    assert written
    assert not any(secret in text for text in written for secret in (PASSWORD, KEYRING))
    assert all("iqn.v" in text for text in written)


def test_a_volume_that_is_not_connected_has_to_be_staged(node) -> None:
    with pytest.raises(DeviceNotReady, match="stage it again"):
        node().find(Wanted(VOLUME), soon())


def test_a_device_of_another_size_is_refused(node, storage) -> None:
    storage.size = 3
    with pytest.raises(DeviceMismatch, match="has 0 bytes, the volume"):
        node().find(WANTED, soon())


def test_a_device_that_took_the_place_of_the_volumes_is_not_it(node, machine) -> None:
    device = node().find(WANTED, soon())
    (machine.sys / "class/block/sda/device/wwid").write_bytes(b"naa.2")
    assert not node().carries(device, VOLUME)


def test_a_device_of_several_paths_is_known_by_its_map(node, machine, storage) -> None:
    storage.name, storage.shown = "dm-0", {"dm__uuid": b"mpath-3600a"}
    device = node().find(WANTED, soon())
    assert node().carries(device, VOLUME)
    (machine.sys / "class/block/dm-0/dm/uuid").write_bytes(b"mpath-3600b")
    assert not node().carries(device, VOLUME)


def test_a_device_that_could_not_be_known_again_is_not_used(node, storage) -> None:
    storage.shown = {}
    with pytest.raises(DeviceNotReady, match="has no WWID"):
        node().find(WANTED, soon())
    with pytest.raises(DeviceNotReady, match="stage it again"):
        node().find(Wanted(VOLUME), soon())
    node().release(VOLUME)
    assert storage.calls[1:] == [("disconnect", "")]


@pytest.fixture
def left(storage, monkeypatch) -> list[object]:
    """What os-brick was told to disconnect from: portals, targets, units, path."""
    told: list[object] = []

    def disconnect(connection, path):
        targets = [connection[key] for key in ("target_portals", "target_iqns", "target_luns")]
        told.append((*targets, path))

    monkeypatch.setattr(storage, "disconnect", disconnect)
    return told


LEFT = (["192.0.2.1:3260"], ["iqn.v"], [-1], "")


def test_after_a_boot_the_target_is_left_and_no_disk_removed(node, left, tmp_path: Path) -> None:
    device = node().find(WANTED, soon())
    (tmp_path / "boot_id").write_text("boot-2\n")
    rebooted = node()
    assert not rebooted.carries(device, VOLUME)
    for dummy in range(2):
        rebooted.release(VOLUME)
    assert left == [LEFT]


def test_after_a_boot_the_target_of_a_former_attachment_is_left(node, storage, left, tmp_path: Path) -> None:
    node().find(WANTED, soon())
    (tmp_path / "boot_id").write_text("boot-2\n")
    storage.name = "sdb"
    second = Wanted(VOLUME, GIB, json.dumps({**PROPERTIES, "attachment_id": "second"}))
    assert node().find(second, soon()).path.endswith("sdb")
    assert left == [LEFT]


@pytest.mark.parametrize("error", [CommandFailed("exit code 20"), KeyError("target_iqn")])
def test_a_target_that_cannot_be_left_after_a_boot_is_forgotten(
    node, storage, tmp_path: Path, monkeypatch, caplog, error: Exception
) -> None:
    def disconnect(connection, path):
        raise error

    node().find(WANTED, soon())
    (tmp_path / "boot_id").write_text("boot-2\n")
    monkeypatch.setattr(storage, "disconnect", disconnect)
    node().release(VOLUME)
    assert str(error) in caplog.text
    assert list((tmp_path / "connections").iterdir()) == []


def test_after_a_boot_nothing_is_left_of_other_kinds_of_connections(node, left, tmp_path: Path) -> None:
    node().find(Wanted(VOLUME, GIB, json.dumps({**PROPERTIES, "driver_volume_type": "nvmeof"})), soon())
    (tmp_path / "boot_id").write_text("boot-2\n")
    node().release(VOLUME)
    assert left == []
    assert list((tmp_path / "connections").iterdir()) == []


def test_releasing_disconnects_once(node, storage) -> None:
    device = node().find(WANTED, soon())
    for dummy in range(2):
        node().release(VOLUME)
    assert storage.calls == [("connect", "iqn.v"), ("disconnect", device.path)]


@pytest.mark.parametrize(
    ("state", "written_out"),
    [
        ("running", True),
        ("blocked", True),
        ("live", True),
        ("offline", False),
        ("transport-offline", False),
        ("dead", False),
    ],
)
def test_a_device_that_was_given_up_is_removed_as_it_is(
    node, machine, storage, state: str, written_out: bool
) -> None:
    device = node().find(WANTED, soon())
    (machine.sys / "class/block/sda/device/state").write_text(f"{state}\n")
    node().release(VOLUME)
    assert storage.calls[1:] == [("disconnect", device.path if written_out else "")]


@pytest.mark.parametrize(("second", "written_out"), [("running", True), ("offline", False)])
def test_a_device_of_several_paths_is_given_up_with_the_last(
    node, machine, storage, second: str, written_out: bool
) -> None:
    device = node().find(WANTED, soon())
    for path, state in (("sdb", "offline"), ("sdc", second)):
        machine.plug(path, device__state=state.encode())
        (machine.sys / "class/block/sda/slaves" / path).mkdir(parents=True)
    node().release(VOLUME)
    assert storage.calls[1:] == [("disconnect", device.path if written_out else "")]


def test_a_volume_that_was_attached_anew_is_connected_to_anew(node, storage) -> None:
    """Its former login is void, and another node may have written to it."""

    def attached(attachment: str) -> Wanted:
        return Wanted(VOLUME, GIB, json.dumps({**PROPERTIES, "attachment_id": attachment}))

    node().find(attached("first"), soon())
    node().find(attached("first"), soon())
    assert storage.calls == [("connect", "iqn.v")]
    device = node().find(attached("second"), soon())
    assert storage.calls[1:] == [("disconnect", ""), ("connect", "iqn.v")]
    assert node().find(attached("second"), soon()) == device
    assert node().find(Wanted(VOLUME), soon()) == device
    assert len(storage.calls) == 3


def test_a_former_attachment_that_cannot_be_ended_is_ended_later(node, storage, monkeypatch) -> None:
    node().find(WANTED, soon())
    wanted = Wanted(VOLUME, GIB, json.dumps({**PROPERTIES, "attachment_id": "second"}))
    with monkeypatch.context() as patched:
        patched.setattr(storage, "disconnect", fail)
        with pytest.raises(CommandFailed):
            node().find(wanted, soon())
    node().find(wanted, soon())
    assert storage.calls[1:] == [("disconnect", ""), ("connect", "iqn.v")]


def test_what_was_half_connected_is_disconnected(node, storage, monkeypatch) -> None:
    def fail(connection):
        raise DeviceNotReady("no answer")

    monkeypatch.setattr(storage, "connect", fail)
    with pytest.raises(DeviceNotReady, match="no answer"):
        node().find(WANTED, soon())
    node().release(VOLUME)
    assert storage.calls == [("disconnect", "")]


def test_a_grown_volume_is_seen_by_every_path(node) -> None:
    devices = node()
    device = devices.find(WANTED, soon())
    assert devices.grown(device, Wanted(VOLUME, 2 * GIB), soon()).size == 2 * GIB
