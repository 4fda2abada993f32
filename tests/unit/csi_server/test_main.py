# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program says, and ends with, when it cannot start."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server import __main__ as program
from ansible_collections.mooring.storage.csi_server.rpc import logs


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
    assert program.main([each.format(folder=tmp_path) for each in arguments]) == program.CANNOT_START
    (line,) = caplog.messages
    assert line.startswith("cannot start: ")
    assert words in line
