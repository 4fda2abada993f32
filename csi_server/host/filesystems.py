# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filesystems on a device: recognising, making, checking, growing.

Nothing that carries a signature is formatted, but for an XFS that was never finished.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass

from .commands import Commands
from .devices import Device
from .errors import CommandFailed, HostError, NotClean, UnknownSignature
from .superblock import LENGTH, filesystem_size, is_unfinished_xfs

log = logging.getLogger(__name__)

DEFAULT = "ext4"
SUPPORTED = ("ext4", "xfs", "ext3")

# blkid(8): 2 is "nothing found", 8 is "several signatures".
_NOTHING = 2
_SEVERAL = 8
_PROBED_AT_START = 1024**2
# e2fsck(8): 1 is "corrected".
_CHECKED = (0, 1)
# The size of the disk sets these times, so they are bounds against hanging for ever only.
_FORMAT_TIMEOUT = 600.0
_CHECK_TIMEOUT = 3600.0
_GROW_TIMEOUT = 600.0

# What is left at a device's end may be too short for one more group of blocks. Volumes grow by whole GiB.
_UNUSED_TAIL = 128 * 1024**2

# A new volume reads as zeros: no discard, and ext4 writes its tables in the background after the mount.
# On a blank one mkfs.xfs goes without -f, and so refuses by itself what blkid might have overlooked.
_FORMAT = {
    "ext4": ["-F", "-m0", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"],
    "ext3": ["-F", "-m0", "-E", "nodiscard,lazy_itable_init=1"],
    "xfs": ["-K"],
}
KERNEL = os.uname().release
# By default mkfs.xfs makes what no kernel mounts that is older than this.
_FORMER_KERNELS = (5, 10)
_FORMAT_FOR_FORMER_KERNELS = {"xfs": ["-m", "bigtime=0,inobtcount=0"]}
# A clone has the UUID of its source, and XFS refuses to mount two of one UUID.
_MOUNT_OPTIONS = {"xfs": ("nouuid",)}
# A journal is replayed even by a mount that is for reading only. Two nodes must not do that at once.
_WITHOUT_RECOVERY = {"ext4": "noload", "ext3": "noload", "xfs": "norecovery"}


@dataclass(frozen=True)
class Signature:
    """What a device carries.

    :ivar fs_type: filesystem or member type as blkid names it: ``ext4``, ``LVM2_member``, ``crypto_LUKS``...
    :ivar usage: ``filesystem``, ``raid``, ``crypto`` or ``other``.
    :ivar partition_table: ``gpt``, ``dos``..., empty without one.
    """

    fs_type: str = ""
    usage: str = ""
    partition_table: str = ""

    def __str__(self) -> str:
        return self.fs_type or f"a {self.partition_table} partition table"


def chosen_filesystem(signature: Signature | None, asked: str) -> str:
    """The filesystem to mount: what was asked for, else what is there, else ext4.

    :param signature: None for a blank device.
    :param asked: one of ``SUPPORTED``, or empty.
    :raises UnknownSignature: the device carries something else.
    """
    if signature is None:
        return asked or DEFAULT
    if signature.fs_type in SUPPORTED and asked in ("", signature.fs_type):
        return signature.fs_type
    expected = asked or f"one of {', '.join(SUPPORTED)}"
    raise UnknownSignature(
        f"the volume carries {signature}, not {expected}: it is neither formatted nor mounted"
    )


def format_options(fs_type: str, kernel: str) -> list[str]:
    """The options of mkfs for a filesystem that the kernel of this release can mount."""
    release = tuple(map(int, re.findall(r"\d+", kernel)[:2]))
    further = _FORMAT_FOR_FORMER_KERNELS.get(fs_type, []) if release < _FORMER_KERNELS else []
    return [*_FORMAT[fs_type], *further]


def mount_options(fs_type: str) -> tuple[str, ...]:
    """The options that a filesystem of this type always needs."""
    return _MOUNT_OPTIONS.get(fs_type, ())


def without_recovery(fs_type: str) -> str:
    """The option with which a mount writes nothing at all, not even what the journal holds."""
    return _WITHOUT_RECOVERY[fs_type]


def parse_probe(text: str) -> Signature | None:
    """What ``blkid -p -o export`` found, None for nothing."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    signature = Signature(found.get("TYPE", ""), found.get("USAGE", ""), found.get("PTTYPE", ""))
    return None if signature == Signature() else signature


class Filesystems:
    """Works on the filesystem of one device at a time.

    :param kernel: the release of the node's.
    """

    def __init__(self, commands: Commands, kernel: str = KERNEL) -> None:
        self._commands = commands
        self._kernel = kernel

    def signature(self, device: Device) -> Signature | None:
        """What the device carries, None only when it was read and nothing was found.

        :raises UnknownSignature: it carries several things at once.
        :raises HostError: it cannot be read.
        """
        # blkid calls a device that it cannot read empty.
        _read_both_ends(device)
        result = self._commands.run(
            ["blkid", "-p", "-o", "export", device.path], accept=(0, _NOTHING, _SEVERAL)
        )
        if result.code == _SEVERAL:
            raise UnknownSignature(f"{device.path} carries several signatures at once: {result.err.strip()}")
        if result.code == _NOTHING and result.err.strip():
            raise CommandFailed(f"blkid could not read {device.path}: {result.err.strip()}")
        found = parse_probe(result.out)
        if result.code != _NOTHING and found is None:
            raise UnknownSignature(f"{device.path} carries what blkid does not name: {result.out.strip()!r}")
        return found

    def prepare(self, device: Device, asked: str) -> str:
        """Make the device's filesystem mountable for writing, or make one to the end; return its type.

        :raises UnknownSignature: it carries something else than the filesystem asked for.
        """
        signature = self.signature(device)
        fs_type = chosen_filesystem(signature, asked)
        if signature is None:
            self._format(device, fs_type)
        elif fs_type == "xfs" and is_unfinished_xfs(_read_start(device, LENGTH)):
            self._format(device, fs_type, "-f")
        elif fs_type.startswith("ext"):
            self._commands.run(["e2fsck", "-p", device.path], accept=_CHECKED, timeout=_CHECK_TIMEOUT)
        return fs_type

    def existing(self, device: Device, asked: str) -> str:
        """The type of the filesystem on a device that is not to be written to.

        :raises UnknownSignature: there is none, or it is another than the one asked for.
        """
        signature = self.signature(device)
        if signature is None:
            raise UnknownSignature(f"{device.path} carries no filesystem, and the volume may only be read")
        return chosen_filesystem(signature, asked)

    def check_clean(self, device: Device, fs_type: str) -> None:
        """Make sure that the filesystem is whole without its journal.

        :raises NotClean: it was not unmounted in order.
        """
        if fs_type == "xfs":
            said = self._commands.run(["xfs_logprint", "-t", device.path]).out
            clean = "state: <CLEAN>" in said
        else:
            said = self._commands.run(["dumpe2fs", "-h", device.path]).out
            clean = "needs_recovery" not in said
        if not clean:
            raise NotClean(
                f"the {fs_type} filesystem on {device.path} was not unmounted in order, and nodes that share"
                " it for reading cannot replay its journal: use it once on one node, with ReadWriteOnce"
            )

    def fills(self, device: Device) -> bool:
        """Whether the filesystem on the device has the device's size, as far as its superblock tells."""
        size = filesystem_size(_read_start(device, LENGTH))
        return size is not None and device.size - size < _UNUSED_TAIL

    def grow(self, device: Device, fs_type: str, path: str) -> None:
        """Let the filesystem mounted at ``path`` fill its device; no change when it does."""
        argv = ["xfs_growfs", path] if fs_type == "xfs" else ["resize2fs", device.path]
        self._commands.run(argv, timeout=_GROW_TIMEOUT)

    def _format(self, device: Device, fs_type: str, *further: str) -> None:
        log.info("formatting %s (%d bytes) as %s", device.path, device.size, fs_type)
        options = [*format_options(fs_type, self._kernel), *further]
        self._commands.run([f"mkfs.{fs_type}", *options, device.path], timeout=_FORMAT_TIMEOUT)


def _read_both_ends(device: Device) -> None:
    start = min(_PROBED_AT_START, device.size)
    try:
        opened = os.open(device.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            complete = len(os.pread(opened, start, 0)) == start and bool(os.pread(opened, 1, device.size - 1))
        finally:
            os.close(opened)
    except OSError as error:
        raise HostError(f"cannot read {device.path}: {error}") from error
    if not complete:
        raise HostError(f"cannot read {device.path} to its end at {device.size} bytes")


def _read_start(device: Device, length: int) -> bytes:
    try:
        with open(device.path, "rb", buffering=0) as file:
            return file.read(length) or b""
    except OSError as error:
        raise HostError(f"cannot read {device.path}: {error}") from error
