# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that the hypervisor encrypts: QEMU's own LUKS between the volume's file and the guest's disk.

One qemu-storage-daemon for each volume shows what is in the volume as another file. It outlives the compute
service; whether it runs is asked of its socket, so nothing is remembered.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .disks import DiskError

TIMEOUT = 60
#: The passphrase is a random key: stretching it would only take time.
ITERATIONS = "1000"


class LuksVolumes:
    """The encrypted volumes of this host.

    :param folder: for the daemons' sockets and the files that they show.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def path(self, volume_id: str) -> str:
        """The file with what is in an open volume."""
        return os.path.join(self._folder, volume_id)

    def open(self, volume_id: str, path: str, passphrase: str, encryption: Mapping[str, Any]) -> None:
        """Show what is in the volume of the file ``path``; a blank one is formatted first."""
        if self._runs(volume_id):
            return
        if subprocess.run(["cryptsetup", "isLuks", path], timeout=TIMEOUT, check=False).returncode:
            kind = f"--type luks1 --cipher {encryption['cipher']} --key-size {encryption['key_size']}"
            stretched = f"--pbkdf-force-iterations {ITERATIONS}"
            self._run(
                passphrase, f"cryptsetup --batch-mode luksFormat {kind} {stretched} --key-file - {path}"
            )
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        shown = self.path(volume_id)
        with open(shown, "ab"), contextlib.suppress(FileNotFoundError):
            os.unlink(self._socket(volume_id))
        self._run(
            passphrase,
            "qemu-storage-daemon --daemonize --object secret,id=key,file=/dev/stdin"
            f" --blockdev driver=file,node-name=file,filename={path}"
            " --blockdev driver=luks,node-name=clear,file=file,key-secret=key"
            f" --export type=fuse,id=clear,node-name=clear,mountpoint={shown},writable=on"
            f" --chardev socket,id=control,path={self._socket(volume_id)},server=on,wait=off"
            " --monitor chardev=control",
        )

    def grow(self, volume_id: str, path: str) -> None:
        """Show all of an open volume whose file has grown."""
        with self._control(volume_id) as ask:
            [clear] = [
                node for node in ask("query-named-block-nodes", flat=True) if node["node-name"] == "clear"
            ]
            header = clear["image"]["format-specific"]["data"]["payload-offset"]
            size = os.stat(path).st_size - header
            ask("block_resize", **{"node-name": "clear", "size": size})
        # The kernel keeps a file's size for a second.
        deadline = time.monotonic() + TIMEOUT
        while os.stat(self.path(volume_id)).st_size != size:
            if time.monotonic() > deadline:
                raise DiskError(f"{self.path(volume_id)} is not {size} bytes after {TIMEOUT} s")
            time.sleep(0.1)

    def close(self, volume_id: str) -> None:
        """Let go of a volume, open or not."""
        if not self._runs(volume_id):
            return
        with self._control(volume_id) as ask:
            ask("quit")
        deadline = time.monotonic() + TIMEOUT
        while self._runs(volume_id) or os.path.ismount(self.path(volume_id)):
            if time.monotonic() > deadline:
                raise DiskError(f"the encryption of volume {volume_id} has not ended after {TIMEOUT} s")
            time.sleep(0.05)
        os.unlink(self.path(volume_id))

    def _socket(self, volume_id: str) -> str:
        return self.path(volume_id) + ".control"

    def _runs(self, volume_id: str) -> bool:
        with socket.socket(socket.AF_UNIX) as control:
            return control.connect_ex(self._socket(volume_id)) == 0

    @contextlib.contextmanager
    def _control(self, volume_id: str) -> Iterator[Callable[..., Any]]:
        """Speak QMP with a volume's daemon: gives a function that sends a command and returns the answer."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(TIMEOUT)
            control.connect(self._socket(volume_id))
            stream = control.makefile("rw", encoding="utf-8")
            stream.readline()

            def ask(command: str, **arguments: Any) -> Any:
                stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                stream.flush()
                for line in stream:
                    answer = json.loads(line)
                    if "error" in answer:
                        raise DiskError(f"{command} of volume {volume_id}: {answer['error']['desc']}")
                    if "return" in answer:
                        return answer["return"]
                raise DiskError(f"{command} of volume {volume_id}: the daemon ended")

            try:
                ask("qmp_capabilities")
                yield ask
            except OSError as error:
                raise DiskError(f"the encryption of volume {volume_id}: {error}") from error

    def _run(self, passphrase: str, command: str) -> None:
        words = command.split()
        try:
            done = subprocess.run(
                words, input=passphrase, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise DiskError(str(error)) from error
        if done.returncode:
            raise DiskError(f"{words[0]}: exit status {done.returncode}: {done.stderr.strip()}")
