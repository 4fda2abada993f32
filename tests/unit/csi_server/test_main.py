# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: what it says when it cannot start, and how it ends."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server import __main__ as process
from ansible_collections.mooring.storage.csi_server import program
from ansible_collections.mooring.storage.csi_server.rpc import logs


class OneThread:
    """A program whose only thread fails."""

    stopped = False

    def __init__(self, options: object) -> None:
        """Whatever the options are."""

    def start(self) -> None:
        threading.Thread(target=self._fail, name="cloud").start()

    def stop(self) -> None:
        OneThread.stopped = True

    def _fail(self) -> None:
        raise ValueError("s3cret")


def test_a_thread_that_fails_ends_the_process_and_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(logs, "configure", lambda form, level: None)
    monkeypatch.setattr(program, "Program", OneThread)
    with caplog.at_level(logging.INFO):
        status = process.main(["--endpoint=/csi.sock", "--provide-node-service"])
    assert status == process.BROKEN
    assert OneThread.stopped
    failure = next(record for record in caplog.records if record.levelno == logging.CRITICAL)
    assert vars(failure)["part"] == "cloud"
    assert vars(failure)["error"].startswith("unexpected ValueError at test_main.py:")
    assert "s3cret" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--endpoint=csi.sock", "--provide-node-service"], "--endpoint is 'csi.sock'"),
        (["--endpoint=tcp://10000", "--provide-node-service"], "give host and port"),
        (["--endpoint=unix://{folder}/none/s", "--provide-node-service"], "does not exist"),
        (
            ["--endpoint=unix://{folder}/s", "--provide-controller-service", "--cloud-config={folder}/none"],
            "cannot read",
        ),
    ],
)
def test_a_wrong_start_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(logs, "configure", lambda *dummy: None)
    monkeypatch.setattr(signal, "signal", lambda *dummy: None)
    assert process.main([each.format(folder=tmp_path) for each in arguments]) == process.CANNOT_START
    (line,) = caplog.messages
    assert line.startswith("cannot start: ")
    assert words in line
