# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LUKS on a volume's device: what is below the filesystem of an encrypted volume.

A key reaches cryptsetup by its standard input alone: it is in no argument, no environment and no file.

Source: cryptsetup(8), cryptsetup-luksFormat(8), cryptsetup-open(8), cryptsetup-resize(8).
"""

from __future__ import annotations

import logging
import re

from .commands import Commands
from .devices import Device, Devices
from .errors import HostError, MountConflict, UnknownSignature, WrongKey
from .filesystems import Filesystems

log = logging.getLogger(__name__)

LUKS = "crypto_LUKS"
# cryptsetup(8): 2 is "no permission", which is a key that opens nothing.
_WRONG_KEY = 2
# The key derivation takes part of a second of a quiet machine; a busy one takes its time.
_KEY_TIMEOUT = 120.0
# The same cost wherever the volume is formatted and opened, and no benchmark at each format: a node with
# much memory must not make what a small one cannot open. In KiB, of the driver's container.
_DERIVATION = ("--pbkdf=argon2id", "--pbkdf-memory=65536", "--pbkdf-force-iterations=4", "--pbkdf-parallel=1")
# The driver's own locks keep two calls from one volume, and its root file system is for reading only.
_COMMON = ("--batch-mode", "--disable-locks")
# What luksDump says of a header that was written and has not got its first key: with that comes epoch 3.
_HALF_FORMATTED = re.compile(r"^Epoch:\s+[12]$.*^Keyslots:\nTokens:$", re.MULTILINE | re.DOTALL)
# What formatting overwrites.
_HEADER = 16 * 1024**2
_CHUNK = 1024**2


def mapping_of(volume_id: str) -> str:
    """The name of an encrypted volume's mapping."""
    return f"luks-{volume_id}"


def has_lost_disk(devices: Devices, volume_id: str, device: Device) -> bool:
    """Whether the device is the mapping of a volume whose disk is not here any more."""
    return device == devices.mapped(mapping_of(volume_id)) and not devices.below(device)


class Encryption:
    """Opens and closes the mappings of encrypted volumes."""

    def __init__(self, commands: Commands, devices: Devices, filesystems: Filesystems) -> None:
        self._commands = commands
        self._devices = devices
        self._filesystems = filesystems

    def open(self, volume_id: str, device: Device, key: str, read_only: bool) -> Device:
        """The mapping of a volume, opened if it is not; a blank device is formatted first, or to the end.

        :param key: as it is in the Secret.
        :raises WrongKey: the key does not open it. Nothing has changed.
        :raises UnknownSignature: the device carries something else than LUKS, or nothing and is to be read.
        :raises MountConflict: the mapping is of a device that was here before, and in use.
        """
        mapping = self.at(volume_id)
        if mapping is not None and self._devices.below(mapping) == [device]:
            return mapping
        if mapping is not None:
            # Left over from before the volume was taken away from this node by force.
            self._close_leftover(volume_id, mapping)
        signature = self._filesystems.signature(device)
        if signature is None and read_only:
            raise UnknownSignature(f"{device.path} carries no LUKS header, and the volume may only be read")
        if signature is None:
            self._format(device, key)
        elif signature.fs_type != LUKS:
            raise UnknownSignature(
                f"the volume carries {signature}, not LUKS: it is neither formatted nor mounted."
                " An encrypted StorageClass is for volumes that it made"
            )
        elif not read_only and self._is_half_formatted(device):
            self._format(device, key)
        self._open(volume_id, device, key, read_only)
        return self._opened(volume_id)

    def open_copy(self, volume_id: str, device: Device, key: str, read_only: bool) -> Device:
        """The same of a volume that was made of another: what it may hold in the clear is not formatted.

        :raises UnknownSignature: as above, or it has data that no program knows.
        """
        if self._filesystems.signature(device) is None and not read_only and _has_data(device):
            raise UnknownSignature(
                "the volume was made of one that is not encrypted, and holds its data: it is not formatted."
                " An encrypted StorageClass takes snapshots, backups and clones of volumes that it made"
            )
        return self.open(volume_id, device, key, read_only)

    def at(self, volume_id: str) -> Device | None:
        """The mapping of a volume, None when it is not open here."""
        return self._devices.mapped(mapping_of(volume_id))

    def grow(self, volume_id: str) -> Device:
        """Let the volume's mapping fill its device, and return it. Needs no key."""
        self._commands.run(["cryptsetup", "resize", *_COMMON, mapping_of(volume_id)])
        return self._opened(volume_id)

    def close(self, volume_id: str) -> None:
        """Take the volume's mapping away; none there is success.

        :raises CommandFailed: it is in use.
        """
        if self.at(volume_id) is not None:
            self._commands.run(["cryptsetup", "close", *_COMMON, mapping_of(volume_id)])

    def _opened(self, volume_id: str) -> Device:
        mapping = self.at(volume_id)
        if mapping is None:
            raise HostError(f"there is no mapping {mapping_of(volume_id)}, and cryptsetup has just used it")
        return mapping

    def _close_leftover(self, volume_id: str, mapping: Device) -> None:
        log.warning("%s is of a device that is not here any more: closing it", mapping_of(volume_id))
        try:
            self.close(volume_id)
        except HostError as error:
            raise MountConflict(
                f"{mapping.path} is of a former device of volume {volume_id}, and in use: {error}"
            ) from error

    def _is_half_formatted(self, device: Device) -> bool:
        """Whether formatting was ended before the header had a key, so no key has ever opened it."""
        dump = self._commands.run(["cryptsetup", "luksDump", *_COMMON, device.path])
        return _HALF_FORMATTED.search(dump.out) is not None

    def _format(self, device: Device, key: str) -> None:
        log.info("formatting %s (%d bytes) as LUKS", device.path, device.size)
        self._commands.run(
            [
                *("cryptsetup", "luksFormat", *_COMMON, "--type=luks2", *_DERIVATION),
                *("--key-file=-", device.path),
            ],
            timeout=_KEY_TIMEOUT,
            given=key,
        )

    def _open(self, volume_id: str, device: Device, key: str, read_only: bool) -> None:
        # The volume's key goes to the kernel with the mapping, not by a keyring: so the mapping can grow
        # without the Secret.
        finished = self._commands.run(
            [
                *("cryptsetup", "open", *_COMMON, "--type=luks", "--disable-keyring"),
                *(["--readonly"] if read_only else []),
                *("--key-file=-", device.path, mapping_of(volume_id)),
            ],
            accept=(0, _WRONG_KEY),
            timeout=_KEY_TIMEOUT,
            given=key,
        )
        if finished.code == _WRONG_KEY:
            raise WrongKey(
                f"the key of the node stage Secret does not open volume {volume_id}:"
                " it was formatted with another one"
            )


def _has_data(device: Device) -> bool:
    """Whether there is anything but zeros where the header would be."""
    try:
        with open(device.path, "rb", buffering=0) as file:
            return any(file.read(_CHUNK).strip(b"\0") for dummy in range(_HEADER // _CHUNK))
    except OSError as error:
        raise HostError(f"{device.path} cannot be read: {error}") from error
