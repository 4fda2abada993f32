# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of volumes to which this node connects by itself.

Such a disk shows the back end's serial, not the volume's id. Which device is the volume's is therefore
written down when the connection is made, with the disk's own WWID and the boot that this is true of, in a
file a volume. The file is there before the connection: whatever ends the driver, unstaging can undo it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import quote

from ...plugins.module_utils._cloud.observing import UNOBSERVED, Observer
from ...plugins.module_utils._cloud.waiting import Deadline
from ..credentials import without_credentials
from .brick import of_no_disk
from .commands import Commands
from .devices import Device, Devices, Wanted
from .errors import DeviceMismatch, DeviceNotReady, HostError, InvalidHostRequest

log = logging.getLogger(__name__)

BOOT_ID = "/proc/sys/kernel/random/boot_id"
#: What os-brick raises of a connection that it cannot use: it does not check what it is given.
_UNUSABLE = (LookupError, TypeError, ValueError)
#: Where Cinder tells in a connection which attachment it is of.
_ATTACHMENT = "attachment_id"
#: What sysfs calls a disk that the kernel has given up, of SCSI and of NVMe. Until it has, as while a session
#: is recovered, what is left for the disk may still be written out.
_GIVEN_UP = frozenset({"offline", "transport-offline", "dead"})
#: Kinds of connections that the node makes again at its next boot.
_MADE_AGAIN = frozenset({"iscsi", "iser"})
#: Of a file, without its endings. No volume of Cinder has an id as long as that.
_LONGEST_NAME = 200


class Brick(Protocol):
    """What connects. See brick.OsBrick for what each call means."""

    def connect(self, connection: Mapping[str, Any]) -> str: ...
    def disconnect(self, connection: Mapping[str, Any], path: str) -> None: ...
    def extend(self, connection: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Connection:
    """A connection as it is written down.

    :ivar properties: os-brick's, without credentials.
    :ivar boot: the boot of the kernel in which it was made; in another one it leads to no device.
    :ivar path: the device's file, empty until it is there.
    :ivar wwid: the device's, by sysfs; empty until it is there.
    """

    properties: dict[str, Any]
    boot: str
    path: str = ""
    wwid: str = ""


class ConnectedDevices(Devices):
    """Finds a volume's device by connecting to it.

    :param folder: where connections are written down.
    """

    def __init__(
        self,
        commands: Commands,
        brick: Brick,
        folder: str,
        observer: Observer = UNOBSERVED,
        boot_id_file: str = BOOT_ID,
        **places: Any,
    ) -> None:
        super().__init__(commands, observer=observer, **places)
        self._brick = brick
        self._folder = folder
        with open(boot_id_file, encoding="ascii") as file:
            self._boot = file.read().strip()

    def find(self, wanted: Wanted, deadline: Deadline) -> Device:
        """The device of a volume; connects to it.

        :raises DeviceNotReady: the volume does not answer.
        :raises InvalidHostRequest: what tells how to reach it is incomplete.
        :raises DeviceMismatch: its device has another size.
        """
        self._end_former(wanted)
        device = self._known(wanted.serial) or self._connect(wanted)
        if not wanted.fits(device.size):
            raise DeviceMismatch(
                f"{device.path}, to which the connection to volume {wanted.serial} led, has {device.size}"
                f" bytes, the volume {wanted.size}"
            )
        return device

    def linked(self, volume_id: str) -> Iterator[Device]:
        """The device to which the connection to a volume has led, if it is here."""
        device = self._known(volume_id)
        if device is not None:
            yield device

    def carries(self, device: Device, volume_id: str) -> bool:
        """Whether the device is the one that the connection to a volume has led to."""
        known = self._known(volume_id)
        return known is not None and known.number == device.number

    def grown(self, device: Device, wanted: Wanted, deadline: Deadline) -> Device:
        """The device as it is once the kernel knows its volume's new size; has every path look again."""
        connection = self._read_connection(wanted.serial)
        if connection is not None:
            self._brick.extend(connection.properties)
        return super().grown(device, wanted, deadline)

    def release(self, volume_id: str) -> None:
        """End the connection to a volume. Without one, nothing.

        :raises CommandFailed: what is left for its device cannot be written out, and the device has not been
            given up: it may answer again.
        """
        connection = self._read_connection(volume_id)
        if connection is None:
            return
        device = self._known(volume_id)
        there = connection.path if device is not None and self._answers(device) else ""
        self._end(connection, there)
        os.unlink(self._file(volume_id))

    def _end_former(self, wanted: Wanted) -> None:
        """End the connection of an attachment that is no more: its login is void, the volume was elsewhere.

        What is left for its device is lost, not written over what another node has written meanwhile.
        """
        former = self._read_connection(wanted.serial)
        if former is None or not wanted.connection:
            return
        if former.properties.get(_ATTACHMENT) != json.loads(wanted.connection).get(_ATTACHMENT):
            log.warning("ending the connection of a former attachment of volume %s", wanted.serial)
            self._end(former, "")
            os.unlink(self._file(wanted.serial))

    def _end(self, connection: Connection, path: str) -> None:
        if connection.boot == self._boot:
            self._disconnect(connection, path)
        elif connection.properties.get("driver_volume_type") in _MADE_AGAIN:
            self._leave(connection)

    def _leave(self, former: Connection) -> None:
        """Leave the target of a connection of another boot, where the node has logged in to it again.

        What was its disk may be another volume's by now, so no disk is removed.
        """
        try:
            self._brick.disconnect(of_no_disk(former.properties), "")
        except (HostError, *_UNUSABLE) as error:
            log.warning("a target of before the boot of this node may be left over: %s", error)

    def _disconnect(self, connection: Connection, path: str) -> None:
        try:
            self._brick.disconnect(connection.properties, path)
        except _UNUSABLE as error:
            # One that cannot be used has not led to a device either.
            if connection.path:
                raise
            log.warning("os-brick cannot end a connection without a device: %s", type(error).__name__)

    def _connect(self, wanted: Wanted) -> Device:
        if not wanted.connection:
            raise DeviceNotReady(f"this node is not connected to volume {wanted.serial}: stage it again")
        properties = json.loads(wanted.connection)
        kept = Connection(without_credentials(properties), self._boot)
        self._write(wanted.serial, kept)
        try:
            path = self._brick.connect(properties)
        except _UNUSABLE as error:
            # Its words may hold a secret.
            raise InvalidHostRequest(
                f"os-brick cannot use the connection to volume {wanted.serial}: {type(error).__name__}"
            ) from None
        device = self._at(path)
        if device is None:
            raise DeviceNotReady(f"{path}, the device of volume {wanted.serial}, is no block device")
        wwid = self._wwid(device)
        if not wwid:
            raise DeviceNotReady(
                f"{path}, the device of volume {wanted.serial}, has no WWID that it could be known by again"
            )
        self._write(wanted.serial, Connection(kept.properties, self._boot, path, wwid))
        return device

    def _known(self, volume_id: str) -> Device | None:
        """The device to which a connection of this boot has led, while it is the same."""
        connection = self._read_connection(volume_id)
        if connection is None or connection.boot != self._boot or not connection.wwid:
            return None
        device = self._at(connection.path)
        return device if device is not None and self._wwid(device) == connection.wwid else None

    def _at(self, path: str) -> Device | None:
        return self.named(os.path.basename(os.path.realpath(path)))

    def _answers(self, device: Device) -> bool:
        """Whether the kernel has not given up a device, or not all the paths to it."""
        return any(
            self._read(os.path.basename(each.path), os.path.join("device", "state")) not in _GIVEN_UP
            for each in self.below(device) or [device]
        )

    def _wwid(self, device: Device) -> str:
        """The WWID that the kernel has of a device; that of several paths is in the name of their map."""
        name = os.path.basename(device.path)
        places = ("wwid", os.path.join("device", "wwid"), os.path.join("dm", "uuid"))
        return next((wwid for place in places if (wwid := self._read(name, place))), "")

    def _file(self, volume_id: str) -> str:
        name = quote(volume_id, safe="")
        if len(name) > _LONGEST_NAME:
            name = hashlib.sha256(name.encode()).hexdigest()
        return os.path.join(self._folder, f"{name}.json")

    def _read_connection(self, volume_id: str) -> Connection | None:
        try:
            with open(self._file(volume_id), encoding="utf-8") as file:
                return Connection(**json.load(file))
        except FileNotFoundError:
            return None

    def _write(self, volume_id: str, connection: Connection) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        part = f"{self._file(volume_id)}.part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(asdict(connection), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self._file(volume_id))
