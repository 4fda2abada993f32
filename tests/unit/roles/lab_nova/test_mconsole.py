# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The management console's client, against a socket that answers as a guest's kernel does."""

from __future__ import annotations

import importlib.util
import pathlib
import socket
import struct
import threading
from types import ModuleType

import pytest

FILE = pathlib.Path(__file__).parents[4] / "roles/lab_nova/files/mooring_lab_nova/mconsole.py"


@pytest.fixture(scope="module")
def mconsole() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mooring_lab_mconsole", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def guest(path: pathlib.Path, answers: list[tuple[int, int, bytes]], heard: list[bytes]) -> threading.Thread:
    """A guest that answers one command with datagrams of (error, more to come, text)."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(str(path))
    server.settimeout(5)

    def answer() -> None:
        with server:
            request, caller = server.recvfrom(1024)
            length = struct.unpack_from("=III", request)[2]
            heard.append(request[12 : 12 + length])
            for error, more, text in answers:
                server.sendto(struct.pack("=III", error, more, len(text)) + text, caller)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_an_answer_in_two_parts_is_joined(mconsole: ModuleType, tmp_path: pathlib.Path) -> None:
    heard: list[bytes] = []
    thread = guest(tmp_path / "mconsole", [(0, 1, b"/disk"), (0, 0, b".img\0")], heard)
    assert mconsole.Console(str(tmp_path / "mconsole")).command("config ubdb") == "/disk.img"
    thread.join()
    assert heard == [b"config ubdb"]


def test_what_the_kernel_refuses_is_raised_in_its_words(mconsole: ModuleType, tmp_path: pathlib.Path) -> None:
    thread = guest(tmp_path / "mconsole", [(1, 0, b"Device is currently open")], [])
    with pytest.raises(mconsole.Refused, match="remove ubdb: Device is currently open"):
        mconsole.Console(str(tmp_path / "mconsole")).command("remove ubdb")
    thread.join()


def test_a_guest_without_console_is_off(mconsole: ModuleType, tmp_path: pathlib.Path) -> None:
    with pytest.raises(mconsole.GuestIsOff):
        mconsole.Console(str(tmp_path / "mconsole")).command("version")


def test_a_console_that_nobody_reads_is_of_a_guest_that_is_off(
    mconsole: ModuleType, tmp_path: pathlib.Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left_behind:
        left_behind.bind(str(tmp_path / "mconsole"))
    with pytest.raises(mconsole.GuestIsOff):
        mconsole.Console(str(tmp_path / "mconsole")).command("version")
