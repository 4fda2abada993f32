# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a volume's block device by its serial, and making sure that it is the right one.

The hypervisor gives a disk the volume's id as serial: whole, or its first 20 characters where the bus
has room for no more (virtio-blk); ESXi makes it the disk's WWN. udev builds links under /dev/disk/by-id
from that. A link is only a hint: it may be left over from a volume that was here before. What counts
is what sysfs says of the device behind it now.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ...plugins.module_utils._cloud.errors import Timeout
from ...plugins.module_utils._cloud.observing import UNOBSERVED, Observer, observed_wait
from ...plugins.module_utils._cloud.waiting import Deadline, Pace
from .commands import Commands
from .errors import CommandFailed, DeviceMismatch, DeviceNotReady, InvalidHostRequest, WriteProtected
from .holders import has_filesystem_in_use, numbers_on

log = logging.getLogger(__name__)

GIB = 1024**3
_SECTOR = 512
_VIRTIO_SERIAL_LENGTH = 20
#: How a volume's id begins, as far as every bus shows it.
_VOLUME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]")
_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
_DESIGNATORS = ("naa.", "eui.", "uuid.")
# udev's event usually is a few milliseconds away.
_PACE = Pace(first=0.1, second=0.1, growth=1.5, longest=1.0)
# After so many seconds without the device, an event may have been lost: look without udev, ask for a rescan.
_RESCANS_AFTER = (3.0, 10.0, 20.0)


@dataclass(frozen=True)
class Device:
    """A block device.

    :ivar path: its file, such as ``/dev/vdb``.
    :ivar number: ``major:minor``.
    :ivar size: bytes.
    """

    path: str
    number: str
    size: int


@dataclass(frozen=True)
class Wanted:
    """What the device of a volume must be like.

    :ivar serial: the volume's id, any string.
    :ivar size: the volume's size in bytes, None when it is not known. Cinder's sizes are whole GiB, and
        an encrypted volume loses some MiB of its last one to the header; so a device fits if it ends in
        the last GiB of the volume or behind it (the volume may have grown meanwhile).
    """

    serial: str
    size: int | None = None
    connection: str = field(default="", repr=False)
    """How to reach it, as os-brick's connection in JSON with its secrets; empty where it is plugged in."""

    def fits(self, size: int) -> bool:
        return size > 0 and (self.size is None or size > self.size - GIB)


def serials_of(volume_id: str) -> list[str]:
    """The serials by which a disk may show ``volume_id``."""
    return list(dict.fromkeys([volume_id[:_VIRTIO_SERIAL_LENGTH], volume_id]))


def wwn_of(volume_id: str) -> str | None:
    """The WWN by which a disk may show ``volume_id``: its hexadecimal digits, if it is a UUID."""
    return volume_id.replace("-", "").lower() if _UUID.fullmatch(volume_id) else None


def link_names(volume_id: str) -> list[str]:
    """The names under /dev/disk/by-id by which udev may link the disk of ``volume_id``.

    A name never leaves its folder: an id with a slash in it has no link.
    """
    if "/" in volume_id or "\0" in volume_id:
        return []
    wwn = wwn_of(volume_id)
    return [
        *(f"virtio-{serial}" for serial in serials_of(volume_id)),
        *(f"scsi-0QEMU_QEMU_HARDDISK_{serial}" for serial in serials_of(volume_id)),
        *([f"wwn-0x{wwn}"] if wwn else []),
    ]


def block_number(path: str) -> str | None:
    """``major:minor`` of the block device file ``path``, None when it is not one."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


class Devices:
    """The node's block devices.

    :param dev: the folder of device files.
    :param sys: where sysfs is mounted.
    :param number_of: ``major:minor`` of a device file, None for anything else.
    :param observer: is told of each wait for a device.
    """

    def __init__(
        self,
        commands: Commands,
        dev: str = "/dev",
        sys: str = "/sys",
        number_of: Callable[[str], str | None] = block_number,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._commands = commands
        self._observer = observer
        self._dev = dev
        self._sys = sys
        self._number_of = number_of

    def find(self, wanted: Wanted, deadline: Deadline) -> Device:
        """The device of a volume; waits for it.

        :raises DeviceNotReady: there is none by the deadline.
        :raises DeviceMismatch: there is one by that name, but of another serial or size.
        :raises InvalidHostRequest: no disk can carry such an id.
        """
        if not link_names(wanted.serial):
            raise InvalidHostRequest(f"volume_id: no disk can have the serial {wanted.serial!r}")
        search = _Search(self, wanted, deadline)
        try:
            if found := search.look():
                return found
            what = f"the disk of {wanted.serial}"
            return observed_wait(self._observer, "device", search.look, what, deadline, _PACE)[0]
        except Timeout as error:
            raise search.failure() from error

    def grown(self, device: Device, wanted: Wanted, deadline: Deadline) -> Device:
        """The device as it is once the kernel knows its volume's new size; waits for that.

        Cinder tells a new size before the hypervisor has passed it on. A SCSI disk has to be asked for it
        again; of the others the kernel is told.

        :raises DeviceNotReady: it has not been told by the deadline.
        """
        name = self._name(device)

        def look() -> Device | None:
            self._reread_size(name)
            now = self.named(name)
            return now if now is not None and now.number == device.number and wanted.fits(now.size) else None

        try:
            if found := look():
                return found
            what = f"{device.path} to grow"
            return observed_wait(self._observer, "device_size", look, what, deadline, _PACE)[0]
        except Timeout as error:
            raise DeviceNotReady(
                f"volume {wanted.serial} has {wanted.size} bytes, but this node still sees {device.path} with"
                f" {device.size}: the hypervisor has not passed the new size on. If it cannot do that while"
                " the volume is attached, the size is seen when the volume is attached the next time"
            ) from error

    def release(self, volume_id: str) -> None:
        """Let go of a volume's device. One that the hypervisor plugs in, it takes away itself."""

    def number_at(self, path: str) -> str | None:
        """``major:minor`` of the device file ``path``, None when it is not one."""
        return self._number_of(path)

    def by_number(self, number: str) -> Device | None:
        """The device ``major:minor``, None when there is none (any more)."""
        folder = os.path.join(self._sys, "dev", "block", number)
        return self.named(os.path.basename(os.path.realpath(folder))) if os.path.exists(folder) else None

    def has_gone(self, number: str) -> bool:
        """Whether ``major:minor`` is of a device that the kernel does not have any more.

        Major 0 is that of filesystems without a device.
        """
        folder = os.path.join(self._sys, "dev", "block", number)
        return not number.startswith("0:") and not os.path.exists(folder)

    def named(self, name: str) -> Device | None:
        """The device that the kernel calls ``name``, None when there is none or its file is another's."""
        number, sectors = self._read(name, "dev"), self._read(name, "size")
        path = os.path.join(self._dev, name.replace("!", "/"))
        if not number or not sectors or self._number_of(path) != number:
            return None
        return Device(path, number, int(sectors) * _SECTOR)

    def carries(self, device: Device, volume_id: str) -> bool:
        """Whether the device's own serial or WWN, as the kernel has it now, is that of the volume."""
        identities = list(self.identities(device))
        return (
            any(serial in identities for serial in serials_of(volume_id)) or wwn_of(volume_id) in identities
        )

    def shows(self, device: Device, volume_id: str) -> bool:
        """Whether the device is a volume's, or a mapping of it."""
        return any(self.carries(each, volume_id) for each in (device, *self.below(device)))

    def mapped(self, mapping: str) -> Device | None:
        """The device of a device mapper's mapping, None when there is no mapping of that name."""
        for name in sorted(_listed(os.path.join(self._sys, "class", "block"))):
            if self._read(name, os.path.join("dm", "name")) == mapping:
                return self.named(name)
        return None

    def below(self, device: Device) -> list[Device]:
        """The devices that a mapping is made of; none for a device that is no mapping."""
        name = os.path.relpath(device.path, self._dev).replace("/", "!")
        slaves = sorted(_listed(os.path.join(self._sys, "class", "block", name, "slaves")))
        return [found for slave in slaves if (found := self.named(slave)) is not None]

    def linked(self, volume_id: str) -> Iterator[Device]:
        """The devices to which the links of a volume point."""
        for link in link_names(volume_id):
            target = os.path.realpath(os.path.join(self._dev, "disk", "by-id", link))
            device = self.named(os.path.relpath(target, os.path.realpath(self._dev)).replace("/", "!"))
            if device is not None:
                yield device

    def all(self) -> Iterator[Device]:
        """All whole disks, with or without a link."""
        for name in sorted(_listed(os.path.join(self._sys, "block"))):
            device = self.named(name)
            if device is not None:
                yield device

    def of_volume(self, volume_id: str) -> list[Device]:
        """The disks that are the volume's by what they say themselves, with or without a link."""
        return [device for device in self.all() if self.carries(device, volume_id)]

    def has_filesystem_in_use(self, device: Device) -> bool:
        """Whether a filesystem on the device, or on what is made of it, is in use in any mount namespace."""
        return any(
            has_filesystem_in_use(self._sys, number) for number in numbers_on(self._sys, device.number)
        )

    def physical(self) -> Iterator[Device]:
        """All whole disks but those that the kernel makes up: loop, dm, md..."""
        for device in self.all():
            folder = os.path.realpath(os.path.join(self._sys, "dev", "block", device.number))
            if "/devices/virtual/" not in folder:
                yield device

    def looks_like_a_volume(self, device: Device) -> bool:
        """Whether the disk's serial is like a volume's id, whichever volume that is."""
        return any(map(_VOLUME.match, self.identities(device)))

    def set_read_only(self, device: Device, read_only: bool) -> None:
        """Let the kernel refuse writes to a device, or no longer refuse them.

        :raises WriteProtected: the disk itself takes no writes.
        """
        if self._is_read_only(device) != read_only:
            self._commands.run(["blockdev", "--setro" if read_only else "--setrw", device.path])
            if self._is_read_only(device) and not read_only:
                raise WriteProtected(f"{device.path} takes no writes: the disk itself is write protected")

    def rescan(self) -> list[str]:
        """Have udev make its links again and each SCSI host look for new disks; returns what did not work."""
        problems = []
        try:
            self._commands.run(["udevadm", "trigger", "--action=add", "--subsystem-match=block"])
        except CommandFailed as error:
            problems.append(error.message)
        hosts = os.path.join(self._sys, "class", "scsi_host")
        for host in _listed(hosts):
            try:
                with open(os.path.join(hosts, host, "scan"), "w", encoding="ascii") as file:
                    file.write("- - -")
            except OSError as error:
                problems.append(f"SCSI host {host} refused to scan: {error}")
        return problems

    def _is_read_only(self, device: Device) -> bool:
        return self._read(self._name(device), "ro") == "1"

    def _name(self, device: Device) -> str:
        return os.path.relpath(device.path, self._dev).replace("/", "!")

    def _reread_size(self, name: str) -> None:
        try:
            with open(
                os.path.join(self._sys, "class", "block", name, "device", "rescan"), "w", encoding="ascii"
            ) as file:
                file.write("1")
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("%s refused to read its size again: %s", name, error)

    def identities(self, device: Device) -> Iterator[str]:
        """The serials and WWNs that a disk has by itself; some may be empty."""
        name = self._name(device)
        for attribute in ("serial", os.path.join("device", "serial")):
            yield self._read(name, attribute)
        yield _unit_serial(self._read_bytes(name, os.path.join("device", "vpd_pg80")))
        for attribute in ("wwid", os.path.join("device", "wwid")):
            wwid = self._read(name, attribute).lower()
            for designator in _DESIGNATORS:
                if wwid.startswith(designator):
                    yield wwid.removeprefix(designator).replace("-", "")

    def _read(self, name: str, attribute: str) -> str:
        return self._read_bytes(name, attribute).decode("utf-8", "replace").strip("\0 \n")

    def _read_bytes(self, name: str, attribute: str) -> bytes:
        try:
            with open(os.path.join(self._sys, "class", "block", name, attribute), "rb") as file:
                return file.read()
        except OSError:
            return b""


class _Search:
    """One wait for one device: what was seen on the way, and which rescans were made."""

    def __init__(self, devices: Devices, wanted: Wanted, deadline: Deadline) -> None:
        self._devices = devices
        self._wanted = wanted
        self._clock = deadline.clock
        self._began = deadline.clock.now()
        self._rescans = 0
        self._mismatch = ""
        self._problems: list[str] = []

    def look(self) -> Device | None:
        """The device if it is here now."""
        self._mismatch = ""
        found = self._first_fitting(self._devices.linked(self._wanted.serial))
        if found is None and self._rescan_is_due():
            self._rescans += 1
            log.info("no device for volume %s yet: rescan %d", self._wanted.serial, self._rescans)
            self._problems = self._devices.rescan()
        if found is None and self._rescans:
            found = self._first_fitting(self._devices.of_volume(self._wanted.serial))
        return found

    def failure(self) -> DeviceMismatch | DeviceNotReady:
        serial = self._wanted.serial
        hints = f" ({'; '.join(self._problems)})" if self._problems else ""
        if self._mismatch:
            return DeviceMismatch(f"volume {serial} has no device of its own: {self._mismatch}{hints}")
        return DeviceNotReady(
            f"no device with the serial of volume {serial} has come up: looked for "
            f"{', '.join(link_names(serial))} under /dev/disk/by-id and at each disk's own serial{hints}"
        )

    def _first_fitting(self, candidates: Iterable[Device]) -> Device | None:
        for device in candidates:
            if not self._devices.carries(device, self._wanted.serial):
                self._mismatch = f"{device.path} is linked by its name, but has another serial"
            elif not self._wanted.fits(device.size):
                self._mismatch = f"{device.path} has {device.size} bytes, the volume {self._wanted.size}"
            else:
                return device
        return None

    def _rescan_is_due(self) -> bool:
        passed = self._clock.now() - self._began
        return self._rescans < len(_RESCANS_AFTER) and passed >= _RESCANS_AFTER[self._rescans]


def _unit_serial(page: bytes) -> str:
    # SPC: byte 1 is the page's number, bytes 2 and 3 its length, then the serial in ASCII.
    if len(page) < 4 or page[1] != 0x80:
        return ""
    return page[4 : 4 + int.from_bytes(page[2:4], "big")].decode("ascii", "replace").strip("\0 \n")


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
