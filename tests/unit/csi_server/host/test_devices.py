# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server.host.devices import Wanted, link_names
from ansible_collections.mooring.storage.csi_server.host.errors import (
    DeviceMismatch,
    DeviceNotReady,
    InvalidHostRequest,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import (
    GIB,
    OTHER,
    VOLUME,
    Clock,
    Machine,
)

SHORT = VOLUME[:20]
DIGITS = VOLUME.replace("-", "")
PAGE_80 = b"\x00\x80\x00\x24" + VOLUME.encode()
WANTED = Wanted(VOLUME)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def find(machine: Machine, wanted: Wanted = WANTED, seconds: float = 0.0, clock: Clock | None = None) -> str:
    return machine.devices().find(wanted, Deadline.after(seconds, clock or Clock())).path


Plug = Callable[[Machine], Path]


@pytest.mark.parametrize(
    "plug",
    [
        pytest.param(lambda m: m.plug("vdb", SHORT, link=f"virtio-{SHORT}"), id="virtio, 20 characters"),
        pytest.param(lambda m: m.plug("vdb", VOLUME, link=f"virtio-{VOLUME}"), id="virtio, whole"),
        pytest.param(lambda m: m.plug("ubdb", SHORT, link=f"virtio-{SHORT}"), id="user-mode linux"),
        pytest.param(
            lambda m: m.plug("sda", link=f"scsi-0QEMU_QEMU_HARDDISK_{SHORT}", device__vpd_pg80=PAGE_80),
            id="scsi",
        ),
        pytest.param(
            lambda m: m.plug("sda", link=f"scsi-0QEMU_QEMU_HARDDISK_{VOLUME}", device__vpd_pg80=PAGE_80),
            id="scsi, whole",
        ),
        pytest.param(
            lambda m: m.plug(
                "sda", link=f"virtio-{SHORT}", device__vpd_pg80=b"\0\x80\0\x20" + f"{SHORT:>32}".encode()
            ),
            id="scsi, padded serial",
        ),
        pytest.param(
            lambda m: m.plug("sda", link=f"wwn-0x{DIGITS}", device__wwid=f"naa.{DIGITS}\n".encode()), id="wwn"
        ),
    ],
)
def test_each_form_of_serial_is_found(machine: Machine, plug: Plug) -> None:
    machine.plug("vdz", OTHER[:20], link=f"virtio-{OTHER[:20]}")
    right = plug(machine)
    assert find(machine) == str(right)


def test_a_stale_link_never_wins(machine: Machine) -> None:
    machine.plug("vdb", OTHER[:20], link=f"virtio-{SHORT}")
    with pytest.raises(DeviceMismatch, match="vdb is linked by its name, but has another serial"):
        find(machine)


def test_a_link_to_a_disk_that_shows_no_serial_is_not_trusted(machine: Machine) -> None:
    machine.plug("vdb", "", link=f"virtio-{SHORT}")
    with pytest.raises(DeviceMismatch):
        find(machine)


def test_a_link_into_nowhere(machine: Machine) -> None:
    (machine.dev / "disk/by-id" / f"virtio-{SHORT}").symlink_to(machine.dev / "vdgone")
    with pytest.raises(DeviceNotReady):
        find(machine)


def test_a_device_file_that_is_another_kernel_devices(machine: Machine) -> None:
    machine.plug("vdb", SHORT, link=f"virtio-{SHORT}")
    (machine.sys / "class/block/vdb/dev").write_text("8:0")
    devices = machine.devices()
    devices_with_static_dev = type(devices)(machine, str(machine.dev), str(machine.sys), lambda path: "253:0")
    with pytest.raises(DeviceNotReady):
        devices_with_static_dev.find(Wanted(VOLUME), Deadline.after(0, Clock()))


def test_the_right_disk_wins_over_a_stale_link_of_another_form(machine: Machine) -> None:
    machine.plug("vdb", OTHER[:20], link=f"virtio-{SHORT}")
    right = machine.plug("vdc", VOLUME, link=f"virtio-{VOLUME}")
    assert find(machine) == str(right)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(3 * GIB, 3 * GIB), (3 * GIB, 2 * GIB), (3 * GIB - 16 * 1024**2, 3 * GIB), (GIB, None)],
    ids=["same", "grown since", "less an encryption header", "size not known"],
)
def test_sizes_that_fit(machine: Machine, size: int, expected: int | None) -> None:
    machine.plug("vdb", SHORT, size, link=f"virtio-{SHORT}")
    assert find(machine, Wanted(VOLUME, expected))


@pytest.mark.parametrize("size", [0, 2 * GIB], ids=["not read in yet", "a GiB less"])
def test_sizes_that_do_not_fit(machine: Machine, size: int) -> None:
    machine.plug("vdb", SHORT, size, link=f"virtio-{SHORT}")
    with pytest.raises(DeviceMismatch, match=f"has {size} bytes, the volume {3 * GIB}"):
        find(machine, Wanted(VOLUME, 3 * GIB))


def test_waits_for_the_device(machine: Machine) -> None:
    clock = Clock()
    clock.then[1.5] = lambda: machine.plug("vdb", SHORT, link=f"virtio-{SHORT}")
    assert find(machine, seconds=30, clock=clock).endswith("/vdb")
    assert clock.time < 3
    assert machine.calls == []


def test_a_device_without_a_link_is_found_by_its_own_serial_after_a_rescan(machine: Machine) -> None:
    machine.plug("vda", "the-root-disk")
    right = machine.plug("vdb", SHORT)
    assert find(machine, seconds=30, clock=Clock()) == str(right)
    assert machine.programs() == ["udevadm"]


def test_rescans_are_few_and_reach_every_scsi_host(machine: Machine) -> None:
    hosts = [machine.sys / "class/scsi_host" / name for name in ("host0", "host1")]
    for host in hosts:
        host.mkdir(parents=True)
    with pytest.raises(DeviceNotReady, match=f"virtio-{SHORT}, virtio-{VOLUME}, .*wwn-0x{DIGITS}"):
        find(machine, seconds=60, clock=Clock())
    assert machine.programs() == ["udevadm"] * 3
    assert [(host / "scan").read_text() for host in hosts] == ["- - -"] * 2


def test_a_rescan_that_does_not_work_shows_in_the_error(machine: Machine) -> None:
    machine.failures["udevadm"] = "no udev here"
    with pytest.raises(DeviceNotReady, match="no udev here"):
        find(machine, seconds=5, clock=Clock())


def test_a_passed_deadline_still_finds_what_is_there(machine: Machine) -> None:
    machine.plug("vdb", SHORT, link=f"virtio-{SHORT}")
    assert find(machine, seconds=0)


@pytest.mark.parametrize("volume_id", ["../../../vdb", "a/b", "/dev/vda", "a\0b"])
def test_an_id_with_a_path_in_it_is_refused_at_once(machine: Machine, volume_id: str) -> None:
    machine.plug("vdb", volume_id)
    with pytest.raises(InvalidHostRequest, match="volume_id"):
        find(machine, Wanted(volume_id), seconds=60)


@pytest.mark.parametrize("volume_id", ["x", "..", "exactly-20-characters"[:20], "ünïcode", "a b"])
def test_any_other_string_may_be_an_id(machine: Machine, volume_id: str) -> None:
    assert all("/" not in name for name in link_names(volume_id))
    right = machine.plug("vdb", volume_id, link=f"virtio-{volume_id}")
    assert find(machine, Wanted(volume_id)) == str(right)


def test_a_shorter_id_does_not_match_a_longer_serial(machine: Machine) -> None:
    machine.plug("vdb", SHORT, link="virtio-0a1b2c3d")
    with pytest.raises(DeviceMismatch):
        find(machine, Wanted("0a1b2c3d"))


def test_device_names_with_a_folder(machine: Machine) -> None:
    (machine.dev / "cciss").mkdir()
    machine.plug("cciss!c0d0", SHORT)
    (machine.dev / "cciss!c0d0").rename(machine.dev / "cciss/c0d0")
    (machine.dev / "disk/by-id" / f"virtio-{SHORT}").symlink_to(machine.dev / "cciss/c0d0")
    number = (machine.sys / "class/block/cciss!c0d0/dev").read_text().strip()
    devices = type(machine.devices())(machine, str(machine.dev), str(machine.sys), lambda path: number)
    assert devices.find(Wanted(VOLUME), Deadline.after(0, Clock())).path == str(machine.dev / "cciss/c0d0")


def test_by_number(machine: Machine) -> None:
    machine.plug("vdb", SHORT)
    device = machine.devices().by_number("253:0")
    assert device is not None
    assert (device.path, device.size) == (str(machine.dev / "vdb"), GIB)
    assert machine.devices().by_number("253:64") is None
