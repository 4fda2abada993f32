# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two kinds of disk that a node can be given while it runs.

Neither kind remembers anything: what is plugged where is asked of the guest's kernel and of the iSCSI
target, so it stays true over power cuts of the guest and restarts of the compute service.
"""

from __future__ import annotations

import re
import subprocess
from typing import Protocol

from .mconsole import Console, GuestIsOff, Refused

SERIAL_LENGTH = 20
COMMAND_TIMEOUT = 60
SLOTS = 255


class DiskError(Exception):
    """A disk was not plugged, unplugged or resized; the text says why."""


class DiskInUse(DiskError):
    """The guest holds the disk open."""


class Disks(Protocol):
    """One kind of disk of one node. ``path`` is the volume's file, ``serial`` what the guest shall see."""

    def plug(self, path: str, serial: str) -> None: ...

    def unplug(self, path: str) -> None: ...

    def grow(self, path: str, serial: str) -> None: ...


def serial_of(volume_id: str) -> str:
    """The serial under which a guest knows a volume, cut as a virtio disk's is."""
    return volume_id[:SERIAL_LENGTH]


class UbdDisks:
    """Block devices of User-Mode Linux. Their size is read when they are plugged. ubda is the guest's own."""

    DEVICES = tuple(f"ubd{letter}" for letter in "bcdefghijklmnop")
    #: Letters behind the device's name in its configuration, see the kernel's ubd_kern.c.
    FLAGS = ""

    def __init__(self, console: Console) -> None:
        self._console = console

    def _device(self, path: str) -> str | None:
        """The device of this file; of the empty path, the first free device."""
        return next((name for name in self.DEVICES if self._console.command(f"config {name}") == path), None)

    def plug(self, path: str, serial: str) -> None:
        try:
            if self._device(path):
                return
            device = self._device("")
            if device is None:
                raise DiskError(f"all {len(self.DEVICES)} devices of the guest are taken")
            self._console.command(f"config {device}{self.FLAGS}={path}::{serial}")
        except Refused as error:
            raise DiskError(str(error)) from error

    def unplug(self, path: str) -> None:
        try:
            device = self._device(path)
            if device:
                self._console.command(f"remove {device}")
        except Refused as error:
            raise DiskInUse(str(error)) from error

    def grow(self, path: str, serial: str) -> None:
        self.unplug(path)
        self.plug(path, serial)


class SharedUbdDisks(UbdDisks):
    """The same for volumes that several guests have at once: the guest does not lock the file."""

    FLAGS = "c"


class LunDisks:
    """LUNs of the node's own iSCSI target, into which the node is logged in. They grow while open."""

    # {lun} is replaced. The lab's LUNs are the only SCSI disks of a node.
    BLOCK = "for block in /sys/class/scsi_device/*:{lun}/device/block/*; do [ -e $block ] || continue\n"
    SCAN = "for scan in /sys/class/scsi_host/host*/scan; do echo '- - {lun}' >$scan; done"
    REMOVE = BLOCK + (
        "  for device in $block/dev $block/*/dev; do [ -e $device ] || continue\n"
        '    ! grep -q " $(cat $device) " /proc/self/mountinfo || exit 16\n'
        "  done\n"
        '  [ -z "$(ls $block/holders)" ] || exit 16\n'
        "  echo 1 >$block/device/delete\n"
        "done"
    )
    RESCAN = BLOCK + "  echo 1 >$block/device/rescan; done"
    IN_USE = 16

    def __init__(self, node: int, node_shell: str, console: Console) -> None:
        self._node = node
        self._node_shell = node_shell
        self._console = console

    def plug(self, path: str, serial: str) -> None:
        lun = self._lun(path)
        if lun is None:
            lun = self._free()
            self._target("new", "--lun", str(lun), "--backing-store", path)
            # In one go a new LUN has the target's defaults for a moment, and a scan would see those.
            self._target("update", "--lun", str(lun), "--params", f"scsi_sn={serial},vendor_id=LAB")
        self._in_guest(self.SCAN, lun)

    def unplug(self, path: str) -> None:
        lun = self._lun(path)
        if lun is not None:
            self._in_guest(self.REMOVE, lun)
            self._target("delete", "--lun", str(lun))

    def grow(self, path: str, serial: str) -> None:
        lun = self._lun(path)
        if lun is None:
            raise DiskError(f"{path} is not plugged into node{self._node}")
        # The target reads the size when it opens the file. Running writes wait for it.
        for params in ("online=0", f"path={path}", "online=1"):
            self._target("update", "--lun", str(lun), "--params", params)
        self._in_guest(self.RESCAN, lun)

    def _luns(self) -> dict[str, int]:
        """Backing file -> LUN, of this node's target."""
        found: dict[str, int] = {}
        target = lun = 0
        for line in self._run("tgtadm", "--lld", "iscsi", "--op", "show", "--mode", "target").splitlines():
            if match := re.match(r"Target (\d+):", line):
                target = int(match[1])
            elif match := re.match(r"\s+LUN: (\d+)", line):
                lun = int(match[1])
            elif target == self._node and (match := re.match(r"\s+Backing store path: (/.*)", line)):
                found[match[1]] = lun
        return found

    def _lun(self, path: str) -> int | None:
        return self._luns().get(path)

    def _free(self) -> int:
        taken = set(self._luns().values())
        return next(lun for lun in range(1, SLOTS + 1) if lun not in taken)

    def _target(self, operation: str, *words: str) -> None:
        self._run(
            "tgtadm",
            "--lld",
            "iscsi",
            "--op",
            operation,
            "--mode",
            "logicalunit",
            "--tid",
            str(self._node),
            *words,
        )

    def _in_guest(self, script: str, lun: int) -> None:
        try:
            self._console.command("version")
        except GuestIsOff:
            return
        except Refused as error:
            raise DiskError(str(error)) from error
        self._run(self._node_shell, str(self._node), "-c", script.replace("{lun}", str(lun)))

    def _run(self, *command: str) -> str:
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=COMMAND_TIMEOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DiskError(str(error)) from error
        if done.returncode == self.IN_USE and command[0] == self._node_shell:
            raise DiskInUse(f"node{self._node} has it open")
        if done.returncode:
            raise DiskError(
                f"{command[0]}: exit status {done.returncode}: {(done.stderr or done.stdout).strip()}"
            )
        return done.stdout
