# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine for the tests: a /dev, a sysfs and a mountinfo in a folder, and its programs.

It stands in for the kernel and for mount, blkid, mkfs... so what runs above is the driver's own code.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from ansible_collections.mooring.storage.csi_server.host.commands import Finished
from ansible_collections.mooring.storage.csi_server.host.connections import Brick, ConnectedDevices
from ansible_collections.mooring.storage.csi_server.host.devices import Devices
from ansible_collections.mooring.storage.csi_server.host.errors import CommandFailed, CommandTimedOut
from ansible_collections.mooring.storage.csi_server.host.statistics import Statistics, Usage

GIB = 1024**3
VOLUME = "0a1b2c3d-0000-4000-8000-000000000001"
#: Options that the kernel keeps for each mount; of those, a remount that names none keeps the last two.
SHOWN = ("nosuid", "nodev", "noexec", "noatime", "nodiratime")
KEPT = frozenset(SHOWN[-2:])
LUKS_HEADER = 16 * 1024**2
OTHER = "ffffffff-1111-4111-9111-000000000002"


def superblock(fs_type: str, size: int) -> bytes:
    """The start of a disk with a filesystem of that size."""
    start = bytearray(4096)
    if fs_type == "xfs":
        start[:16] = b"XFSB" + (4096).to_bytes(4, "big") + (size // 4096).to_bytes(8, "big")
        return bytes(start)
    blocks = size // 4096
    for at, value in (
        (0x04, blocks & 0xFFFFFFFF),
        (0x18, 2),
        (0x38, 0xEF53),
        (0x60, 0x80),
        (0x150, blocks >> 32),
    ):
        start[1024 + at : 1028 + at] = value.to_bytes(4, "little")
    return bytes(start)


def unfinished_xfs(size: int) -> bytes:
    """The start of a disk as mkfs.xfs leaves it when it is killed."""
    start = bytearray(superblock("xfs", size))
    start[100:102], start[126] = b"\xb4\xa5", 1
    return bytes(start)


def luks_header(epoch: int, slots: str) -> str:
    """What cryptsetup luksDump says of a header."""
    return (
        f"LUKS header information\nVersion:       \t2\nEpoch:         \t{epoch}\nUUID:          \tf00\n\n"
        f"Data segments:\n  0: crypt\n\nKeyslots:\n{slots}Tokens:\nDigests:\n  0: pbkdf2\n"
    )


class Clock:
    """Time that passes only in sleeps; ``then`` runs when its moment has come."""

    def __init__(self) -> None:
        self.time = 0.0
        self.then: dict[float, object] = {}

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        for moment in [moment for moment in self.then if moment <= self.time]:
            action = self.then.pop(moment)
            assert callable(action)
            action()


class Machine:
    """Disks can be plugged and unplugged; commands change what is mounted and what the disks carry."""

    def __init__(self, root: Path) -> None:
        self.dev = root / "dev"
        self.sys = root / "sys"
        self.mountinfo = root / "mountinfo"
        self.kubelet = root / "kubelet"
        for folder in (
            self.dev / "disk/by-id",
            self.sys / "block",
            self.sys / "class/block",
            self.sys / "dev/block",
        ):
            folder.mkdir(parents=True)
        self.kubelet.mkdir()
        self.mountinfo.write_text("22 1 0:5 / /dev rw shared:2 - devtmpfs udev rw\n")
        self._plugged = 0
        self.calls: list[list[str]] = []
        self.given = ""
        self.timeouts: dict[str, float] = {}
        self.header = luks_header(epoch=3, slots="  0: luks2\n")
        self.keys: dict[str, str] = {}
        self.encrypted: dict[str, str] = {}
        self.mappings: dict[str, str] = {}
        self.probes: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.unclosable = False
        self.endless: set[str] = set()
        self.answers: dict[str, Finished] = {}
        self.measured = Statistics(Usage(total=GIB))
        self.unclean: set[str] = set()
        self.protected: set[str] = set()

    # ---- hardware ----

    def plug(self, name: str, serial: str = "", size: int = GIB, link: str = "", **attributes: bytes) -> Path:
        """Add a disk; ``attributes`` are further files of its sysfs folder, ``__`` standing for ``/``."""
        minor = self._plugged * 16
        self._plugged += 1
        folder = self.sys / "class/block" / name
        (folder / "device").mkdir(parents=True)
        (folder / "dev").write_text(f"253:{minor}\n")
        (folder / "size").write_text(f"{size // 512}\n")
        if serial:
            (folder / "serial").write_text(serial)
        for attribute, content in attributes.items():
            file = folder / attribute.replace("__", "/")
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        (self.sys / "block" / name).symlink_to(folder)
        (self.sys / "dev/block" / f"253:{minor}").symlink_to(folder)
        path = self.dev / name
        path.touch()
        os.truncate(path, size)
        if link:
            (self.dev / "disk/by-id" / link).symlink_to(path)
        return path

    def join(self, name: str, paths: Sequence[str], serial: str, link: str) -> None:
        """Make one disk of several paths to it, as multipathd does."""
        self.plug(name, serial, self._size(paths[0]), link)
        for path in paths:
            (self.sys / "class/block" / name / "slaves" / path).mkdir(parents=True)

    def unplug(self, name: str) -> None:
        """Take a disk away, if it is there, whoever uses it. A mapping of it stays."""
        (self.sys / "block" / name).unlink(missing_ok=True)
        for link in (self.sys / "dev/block").iterdir():
            if link.readlink().name == name:
                link.unlink()
        shutil.rmtree(self.sys / "class/block" / name, ignore_errors=True)
        (self.dev / name).unlink(missing_ok=True)

    def move(self, name: str, other: str, serial: str, link: str) -> None:
        """Unplug a disk, and plug it in again under another name."""
        old = str(self.dev / name)
        size = self._size(old)
        self.unplug(name)
        (self.dev / "disk/by-id" / link).unlink()
        new = str(self.plug(other, serial, size, link))
        for kept in (self.keys, self.encrypted, self.probes):
            if old in kept:
                kept[new] = kept[old]

    def number_of(self, path: str) -> str | None:
        """What the kernel would say of a device file, or of a path to which one is bound."""
        bound = [line.split() for line in self._mounts() if line.split()[4] == os.path.realpath(path)]
        name = os.path.basename(bound[-1][3]) if bound else os.path.basename(path)
        if not bound and os.path.dirname(path) != str(self.dev):
            return None
        try:
            return (self.sys / "class/block" / name / "dev").read_text().strip()
        except OSError:
            return None

    def devices(self) -> Devices:
        return Devices(self, dev=str(self.dev), sys=str(self.sys), number_of=self.number_of)

    def grow(self, name: str, size: int) -> None:
        """Let a disk have more bytes."""
        (self.sys / "class/block" / name / "size").write_text(f"{size // 512}\n")
        os.truncate(self.dev / name, size)

    # ---- programs ----

    def run(
        self,
        argv: Sequence[str],
        accept: Collection[int] = (0,),
        timeout: float = 30.0,
        given: str = "",
    ) -> Finished:
        self.calls.append(list(argv))
        self.given = given
        program = argv[0].partition(".")[0]
        self.timeouts[program] = timeout
        if program in self.failures:
            raise CommandFailed(f"{' '.join(argv)} ended with exit code 1: {self.failures[program]}")
        if program in self.endless:
            raise CommandTimedOut(f"{' '.join(argv)} did not end within {timeout:g} s and was killed")
        if program in self.answers:
            return self.answers[program]
        result = getattr(self, f"_{program.replace('-', '_')}")(list(argv[1:]))
        assert isinstance(result, Finished)
        assert result.code in accept
        return result

    def programs(self) -> list[str]:
        return [call[0] for call in self.calls]

    def _mount(self, arguments: list[str]) -> Finished:
        options = arguments[arguments.index("-o") + 1].split(",") if "-o" in arguments else []
        source, path = arguments[-2:]
        shown = [
            "ro" if "ro" in options else "rw",
            *(each for each in options if each in SHOWN),
        ]
        if "bind" not in options:
            number, root, fs_type = self.number_of(source), "/", arguments[arguments.index("-t") + 1]
            assert self.probes[source] == f"TYPE={fs_type}\n"
        elif os.path.dirname(source) == str(self.dev):
            number, root, fs_type = "0:5", f"/{os.path.basename(source)}", "devtmpfs"
        else:
            fields = next(line for line in reversed(self._mounts()) if line.split()[4] == source).split()
            number, root, fs_type, source = fields[2], fields[3], fields[-3], fields[-2]
            shown_there = fields[5].split(",")
            # mount(8) binds, which keeps all options, and remounts if there are others, which sets them anew.
            shown = shown_there if options == ["bind"] else sorted({*shown, *KEPT.intersection(shown_there)})
        line = f"30 22 {number} {root} {os.path.realpath(path)} {','.join(shown)} - {fs_type} {source} rw"
        self.mountinfo.write_text("\n".join([*self._mounts(), line]) + "\n")
        return Finished(0, "", "")

    def _umount(self, arguments: list[str]) -> Finished:
        lines = self._mounts()
        mounted = [
            index for index, line in enumerate(lines) if line.split()[4] == os.path.realpath(arguments[-1])
        ]
        del lines[mounted[-1]]
        self.mountinfo.write_text("\n".join(lines) + "\n")
        return Finished(0, "", "")

    def _blkid(self, arguments: list[str]) -> Finished:
        found = self.probes.get(arguments[-1], "")
        return Finished(0 if found else 2, found, "")

    def _mkfs(self, arguments: list[str]) -> Finished:
        fs_type = self.calls[-1][0].partition(".")[2]
        self.probes[arguments[-1]] = f"TYPE={fs_type}\n"
        self._fill(arguments[-1], fs_type)
        return Finished(0, "", "")

    def _resize2fs(self, arguments: list[str]) -> Finished:
        self._fill(arguments[-1], "ext4")
        return Finished(0, "", "")

    def _xfs_growfs(self, arguments: list[str]) -> Finished:
        for fields in (line.split() for line in self._mounts()):
            if fields[4] == os.path.realpath(arguments[-1]):
                assert "ro" not in fields[5].split(",")
                self._fill(fields[-2], "xfs")
        return Finished(0, "", "")

    def _fill(self, path: str, fs_type: str) -> None:
        """Let the disk's filesystem have the disk's size."""
        size = int((self.sys / "class/block" / os.path.basename(path) / "size").read_text()) * 512
        with open(path, "r+b") as disk:
            disk.write(superblock(fs_type, size))

    def _cryptsetup(self, arguments: list[str]) -> Finished:
        """LUKS: a header of 16 MiB, one key, and a mapping below /dev named dm-N."""
        action, last = arguments[0], arguments[-1]
        if action == "luksFormat":
            self.probes[last] = "TYPE=crypto_LUKS\nUSAGE=crypto\n"
            self.keys[last] = self.given
        elif action == "luksDump":
            return Finished(0, self.header, "")
        elif action == "open":
            disk = arguments[-2]
            if self.keys[disk] != self.given:
                return Finished(2, "", "No key available with this passphrase.")
            name = f"dm-{len(self.mappings)}"
            inside = self.plug(name, size=self._size(disk) - LUKS_HEADER, dm__name=last.encode())
            (self.sys / "class/block" / name / "slaves" / os.path.basename(disk)).mkdir(parents=True)
            self.probes[str(inside)] = self.encrypted.setdefault(disk, "")
            self.mappings[last] = disk
        elif action == "resize":
            self.grow(self._mapped(last), self._size(self.mappings[last]) - LUKS_HEADER)
        else:
            if self.unclosable:
                raise CommandFailed("cryptsetup close ended with exit code 5: still in use")
            name = self._mapped(last)
            number = self.number_of(str(self.dev / name))
            assert not any(line.split()[2] == number for line in self._mounts()), f"{last} is in use"
            self.encrypted[self.mappings[last]] = self.probes.get(str(self.dev / name), "")
            (self.sys / "class/block" / name / "dm/name").write_text("")
        return Finished(0, "", "")

    def _size(self, path: str) -> int:
        return int((self.sys / "class/block" / os.path.basename(path) / "size").read_text()) * 512

    def _mapped(self, mapping: str) -> str:
        folders = (self.sys / "class/block").glob("dm-*")
        return next(each.name for each in folders if (each / "dm/name").read_text() == mapping)

    def _nothing(self, arguments: list[str]) -> Finished:
        return Finished(0, "", "")

    def _blockdev(self, arguments: list[str]) -> Finished:
        way, path = arguments
        attribute = self.sys / "class/block" / os.path.basename(path) / "ro"
        attribute.write_text("1\n" if way == "--setro" or path in self.protected else "0\n")
        return Finished(0, "", "")

    def _dumpe2fs(self, arguments: list[str]) -> Finished:
        features = "has_journal" + (" needs_recovery" if arguments[-1] in self.unclean else "")
        return Finished(0, f"Filesystem features:      {features}\n", "")

    def _xfs_logprint(self, arguments: list[str]) -> Finished:
        state = "DIRTY" if arguments[-1] in self.unclean else "CLEAN"
        return Finished(0, f"    log tail: 2 head: 2 state: <{state}>\n", "")

    _e2fsck = _udevadm = _sync = _nothing

    def _mounts(self) -> list[str]:
        return self.mountinfo.read_text().splitlines()


def connected(machine: Machine, brick: Brick, folder: Path) -> ConnectedDevices:
    """The devices of a node that connects by itself, as they are after a start of its driver.

    :param folder: has ``boot_id``, and gets ``connections``.
    """
    return ConnectedDevices(
        machine,
        brick,
        str(folder / "connections"),
        boot_id_file=str(folder / "boot_id"),
        dev=str(machine.dev),
        sys=str(machine.sys),
        number_of=machine.number_of,
    )
