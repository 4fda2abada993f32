# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's process, and what it does without to stay small."""

from __future__ import annotations

import contextlib
import importlib
import json
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server.leaving_out import left_out
from ansible_collections.mooring.storage.tests.unit.csi_server.certificates import Authority

PROGRAM = "ansible_collections.mooring.storage.csi_server"


@contextlib.contextmanager
def a_node(folder: Path, *arguments: str) -> Iterator[tuple[int, int]]:
    """The process and the port of /metrics of a node's program that serves."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    node = ["--provide-node-service", "--no-provide-controller-service", "--node-id=x", "--attach=nova"]
    where = [f"--endpoint=unix://{folder}/csi.sock", f"--http-endpoint=127.0.0.1:{port}"]
    program = subprocess.Popen(
        [sys.executable, "-m", PROGRAM, *node, *where, *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stderr
        assert any(" serving " in line for line in program.stderr)
        yield program.pid, port
    finally:
        program.terminate()
        assert program.wait(30) == 0
        if program.stderr:
            program.stderr.close()


def loads_openssl(pid: int) -> bool:
    """Whether a process has OpenSSL in its memory."""
    mapped = Path(f"/proc/{pid}/maps").read_text()
    return "/_ssl." in mapped or "libcrypto" in mapped


def test_a_node_does_without_openssl(tmp_path: Path) -> None:
    with a_node(tmp_path) as (pid, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert b"process_resident_memory_bytes" in answer.read()
        assert not loads_openssl(pid)


def test_a_node_that_serves_over_tls_has_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("node")
    with a_node(tmp_path, f"--http-tls-cert={certificate}", f"--http-tls-key={key}") as (pid, port):
        trusting = ssl.create_default_context(cafile=authority.file)
        with urllib.request.urlopen(
            f"https://127.0.0.1:{port}/metrics", timeout=10, context=trusting
        ) as answer:
            assert b"process_resident_memory_bytes" in answer.read()
        assert loads_openssl(pid)


def test_what_is_left_out_is_missing_in_the_block_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with left_out("wave", "json"):
        with pytest.raises(ImportError):
            importlib.import_module("wave")
        # What is here already, stays.
        assert importlib.import_module("json") is json
    assert importlib.import_module("wave")
