# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs: the only place of the driver that starts a process."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from .errors import CommandFailed, CommandTimedOut

log = logging.getLogger(__name__)

# Enough for blkid on a slow disk; who mounts, formats or checks asks for more.
USUAL_TIMEOUT = 30.0
_TAIL = 500
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    # The host's udevd cannot tell a program in a container that it has seen a new mapping: do not wait.
    "DM_DISABLE_UDEV": "1",
}


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


class Commands(Protocol):
    """Runs a program to its end."""

    def run(
        self,
        argv: Sequence[str],
        accept: Collection[int] = (0,),
        timeout: float = USUAL_TIMEOUT,
        given: str = "",
    ) -> Finished:
        """Run ``argv``, without a shell.

        :param accept: the exit codes that are answers.
        :param timeout: seconds until the program is killed.
        :param given: what the program reads on its standard input: the place for a secret.
        :raises CommandFailed: another exit code, or no such program.
        :raises CommandTimedOut: not done in time.
        """


class SystemCommands:
    """The machine's own programs, with a fixed PATH and messages in English.

    Arguments show in the errors and in the log, so no secret may be among them.
    """

    def run(
        self,
        argv: Sequence[str],
        accept: Collection[int] = (0,),
        timeout: float = USUAL_TIMEOUT,
        given: str = "",
    ) -> Finished:
        shown = " ".join(argv)
        log.debug("running %s", shown)
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_ENVIRONMENT,
                text=True,
                errors="replace",
            )
        except (OSError, ValueError) as error:
            raise CommandFailed(f"cannot run {shown}: {error}") from error
        try:
            out, err = process.communicate(given, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            _reap(process)
            raise CommandTimedOut(f"{shown} did not end within {timeout:g} s and was killed") from error
        if process.returncode not in accept:
            said = (err.strip() or out.strip())[-_TAIL:]
            raise CommandFailed(f"{shown} ended with exit code {process.returncode}: {said or 'no message'}")
        return Finished(process.returncode, out, err)


def _reap(process: subprocess.Popen[str]) -> None:
    # A process that the kernel holds in a dead disk's I/O survives even SIGKILL: do not wait for it.
    try:
        process.communicate(timeout=1)
    except subprocess.TimeoutExpired:
        log.warning("process %d is stuck in the kernel", process.pid)
