# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client of User-Mode Linux's management console: datagrams to a unix socket of the guest."""

from __future__ import annotations

import os
import socket
import struct

MAGIC = 0xCAFEBABE
VERSION = 2
DATA = 512
HEAD = struct.Struct("=III")
TIMEOUT = 30.0


class GuestIsOff(Exception):
    """Nobody answers on the console."""


class Refused(Exception):
    """The guest's kernel said no; the text is what it said."""


class Console:
    """One guest's console.

    :param path: the socket ``mconsole`` in the guest's folder of ``uml_dir``.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def command(self, text: str) -> str:
        """What the guest's kernel answers. Raises GuestIsOff, Refused."""
        request = text.encode()
        if len(request) >= DATA:
            raise Refused(f"longer than {DATA} bytes: {text}")
        answer = b""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.settimeout(TIMEOUT)
            # The guest answers to the sender's address, an abstract one that is in use once only.
            client.bind(b"\0mooring-lab-" + os.urandom(8).hex().encode())
            try:
                client.sendto(
                    HEAD.pack(MAGIC, VERSION, len(request)) + request.ljust(DATA, b"\0"), self._path
                )
                while True:
                    datagram = client.recv(HEAD.size + DATA)
                    failed, more, length = HEAD.unpack_from(datagram)
                    answer += datagram[HEAD.size : HEAD.size + length]
                    if not more:
                        break
            except (FileNotFoundError, ConnectionRefusedError) as error:
                raise GuestIsOff(self._path) from error
            except TimeoutError as error:
                raise Refused(f"{text}: no answer in {TIMEOUT:.0f} s") from error
        said = answer.rstrip(b"\0").decode(errors="replace").strip()
        if failed:
            raise Refused(f"{text}: {said}")
        return said
