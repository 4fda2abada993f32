# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's mounts: what is mounted where, mounting, binding, unmounting."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .commands import Commands
from .errors import HostError, InvalidHostRequest

log = logging.getLogger(__name__)

_ESCAPED = re.compile(r"\\([0-7]{3})")
#: What the kernel says of a path at which nothing can be.
NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
# Options of a filesystem that takes no writes; ext4 shows the last two since Linux 6.15 after errors.
_NO_WRITES = frozenset({"ro", "emergency_ro", "shutdown"})
# A mount replays the journal, which may be large, on a disk that may be slow.
_MOUNT_TIMEOUT = 600.0
# umount(2) takes the mount off the list first and writes out afterwards, and goes on with that when umount(8)
# is killed. So this bounds hanging for ever only: until the disk is written, the call must not end.
_WRITE_OUT_TIMEOUT = 3600.0
# A path that was mounted over more often than this is a loop of somebody else's.
_MOST_LAYERS = 16


@dataclass(frozen=True)
class Mount:
    """One line of /proc/self/mountinfo, see proc(5).

    :ivar number: the device as ``major:minor``.
    :ivar root: the path within the filesystem that is seen at ``path``.
    :ivar options: what holds for this mount (``rw``, ``noatime``...), not for the filesystem.
    :ivar filesystem_read_only: the filesystem itself takes no writes, whatever the mount says.
    """

    number: str
    root: str
    path: str
    options: frozenset[str]
    fs_type: str
    source: str
    filesystem_read_only: bool = False

    @property
    def read_only(self) -> bool:
        return "ro" in self.options


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts in the order of the kernel: of several at one path, the last is the one seen."""
    mounts = []
    # Of all that ends a line elsewhere, the kernel escapes the newline alone.
    for line in text.split("\n"):
        before, separator, after = line.partition(" - ")
        fields, filesystem = before.split(" "), after.split(" ")
        if not separator or len(fields) < 6 or len(filesystem) < 2:
            continue
        mounts.append(
            Mount(
                number=fields[2],
                root=_unescaped(fields[3]),
                path=_unescaped(fields[4]),
                options=frozenset(fields[5].split(",")),
                fs_type=filesystem[0],
                source=_unescaped(filesystem[1]),
                filesystem_read_only=not _NO_WRITES.isdisjoint("".join(filesystem[2:3]).split(",")),
            )
        )
    return mounts


def _unescaped(field: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)


class Mounts:
    """The mounts in this process's mount namespace.

    :param mountinfo: where the kernel lists them.
    """

    def __init__(self, commands: Commands, mountinfo: str = "/proc/self/mountinfo") -> None:
        self._commands = commands
        self._mountinfo = mountinfo

    def all(self) -> list[Mount]:
        with open(self._mountinfo, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return parse_mountinfo(file.read())

    def at(self, path: str) -> Mount | None:
        """What is mounted at ``path`` itself, None when nothing is."""
        seen = os.path.realpath(path)
        return next((mount for mount in reversed(self.all()) if mount.path == seen), None)

    def mount(self, source: str, path: str, fs_type: str, options: Sequence[str]) -> None:
        """Mount the filesystem of device ``source`` at the directory ``path``, which is made if missing."""
        make_directory(path)
        chosen = ["-o", ",".join(options)] if options else []
        self._commands.run(["mount", "-t", fs_type, *chosen, source, path], timeout=_MOUNT_TIMEOUT)

    def bind_directory(self, source: str, path: str, options: Sequence[str] = ()) -> None:
        """Show the directory ``source`` at ``path`` as well; ``path`` is made if missing."""
        make_directory(path)
        self._bind(source, path, options)

    def bind_device(self, source: str, path: str, options: Sequence[str] = ()) -> None:
        """Show the device file ``source`` at ``path`` as well; ``path`` is made if missing."""
        make_file(path)
        self._bind(source, path, options)

    def _bind(self, source: str, path: str, options: Sequence[str]) -> None:
        try:
            self._commands.run(["mount", "-o", ",".join(["bind", *options]), source, path])
        except HostError:
            # mount(8) may bind first and fail at the options: a bind without them must not stay.
            with contextlib.suppress(HostError):
                self.unmount(path)
            raise

    def write_out(self, path: str) -> None:
        """Write to its disk what the filesystem mounted at ``path`` has in memory; nothing there is success.

        Unmounting does it too, but takes the mount off the kernel's list first: who is ended then, and asks
        again, finds nothing mounted, and a disk that is still written to. And it does not do it at all
        while the filesystem is mounted in another mount namespace.

        :raises CommandTimedOut: nobody waits any longer. A disk that takes no writes is no error.
        """
        if self.at(path) is None:
            return
        done = self._commands.run(["sync", "-f", path], accept=range(256), timeout=_WRITE_OUT_TIMEOUT)
        if done.code:
            log.error("%s could not be written out: %s", path, done.err.strip())

    def unmount(self, path: str) -> None:
        """Unmount all that is mounted at ``path``; nothing there is success.

        :raises CommandFailed: it is in use. Never lazily: the caller must know when the disk is free.
        """
        for _layer in range(_MOST_LAYERS):
            if self.at(path) is None:
                return
            self._commands.run(["umount", path], timeout=_WRITE_OUT_TIMEOUT)
        raise HostError(f"{path} is still mounted after {_MOST_LAYERS} times of unmounting it")


def make_directory(path: str) -> None:
    """Make the directory ``path`` and those above it.

    :raises InvalidHostRequest: something else is there.
    """
    try:
        os.makedirs(path, mode=0o750, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidHostRequest(f"{path} is needed as a directory, and there is a file: {error}") from error
    except OSError as error:
        raise HostError(f"cannot make the directory {path}: {error}") from error


def make_file(path: str) -> None:
    """Make the empty file ``path`` and the directories above it; a file that is there stays.

    :raises InvalidHostRequest: a directory is there.
    """
    make_directory(os.path.dirname(path))
    if os.path.isdir(path):
        raise InvalidHostRequest(f"{path} is needed as a file, and there is a directory")
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640))
    except OSError as error:
        raise HostError(f"cannot make the file {path}: {error}") from error


def remove(path: str) -> None:
    """Remove the file or empty directory ``path``; nothing there is success.

    :raises HostError: it is not empty, so it holds data that is not the volume's.
    """
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)
    except OSError as error:
        if error.errno in NOTHING_THERE:
            return
        raise HostError(f"cannot remove {path}: {error}") from error
