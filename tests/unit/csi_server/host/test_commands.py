# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are run for real: they are the machine's smallest."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.csi_server.host.commands import SystemCommands
from ansible_collections.mooring.storage.csi_server.host.errors import CommandFailed, CommandTimedOut


def test_output_and_accepted_exit_code() -> None:
    finished = SystemCommands().run(["sh", "-c", "echo out; echo err >&2; exit 3"], accept=(0, 3))
    assert (finished.code, finished.out, finished.err) == (3, "out\n", "err\n")


def test_messages_are_in_english_whatever_the_caller_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert SystemCommands().run(["sh", "-c", "echo $LC_ALL"]).out == "C\n"


def test_failure_names_command_code_and_the_end_of_what_it_said() -> None:
    with pytest.raises(CommandFailed) as failure:
        SystemCommands().run(["sh", "-c", "printf '%1000s' x; echo the reason >&2; exit 7"])
    assert "exit code 7" in failure.value.message
    assert failure.value.message.endswith("the reason")


def test_missing_program() -> None:
    with pytest.raises(CommandFailed, match="cannot run no-such-program"):
        SystemCommands().run(["no-such-program"])


def test_a_program_that_does_not_end_is_killed() -> None:
    with pytest.raises(CommandTimedOut, match="did not end within"):
        SystemCommands().run(["sleep", "60"], timeout=0.05)


def test_bytes_that_are_no_text_do_not_matter() -> None:
    assert SystemCommands().run(["printf", r"\377"]).out == "\ufffd"
