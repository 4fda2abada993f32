# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches standard error."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from ansible_collections.mooring.storage.csi_server.rpc import logs


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program changes for good is as before when the test is over."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


def end(error: BaseException) -> None:
    """Let an error end a thread."""

    def run() -> None:
        raise error

    thread = threading.Thread(target=run, name="cloud east")
    thread.start()
    thread.join()


def test_what_ends_a_thread_is_one_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    end(RuntimeError("of two\nlines"))
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["level"], told["message"], told["of"]) == (
        "error",
        "a thread ended by an error",
        "cloud east",
    )
    assert "RuntimeError: of two" in told["traceback"]


def test_a_thread_that_ends_itself_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    end(SystemExit(1))
    assert capsys.readouterr().err == ""
