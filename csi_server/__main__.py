# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program: reads its options, serves until it is told to stop, and leaves no socket behind."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from ..plugins.module_utils._cloud.errors import CloudError
from .cannot_start import CannotStart
from .config import options
from .leaving_out import left_out
from .rpc import logs
from .unforeseen import told

LOG = logging.getLogger(__name__)
CANNOT_START = 2
BROKEN = 1


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT, or until a thread fails. Return the exit status."""
    given = options.parse(arguments)
    logs.configure(given.log_format, given.log_level)
    for flag, reason in given.without_effect:
        LOG.warning("a flag has no effect", extra={"flag": flag, "reason": reason})
    stop = threading.Event()
    # A container's first process gets no signal that it does not handle.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *dummy: stop.set())
    failed = threading.Event()

    def fail(failure: threading.ExceptHookArgs) -> None:
        """End the program, so that it is started anew: without the thread it would only look alive."""
        if failure.exc_type is SystemExit:
            return
        name = failure.thread.name if failure.thread else ""
        error = told(failure.exc_value) if failure.exc_value else failure.exc_type.__name__
        LOG.critical("a thread has failed", extra={"part": name, "error": error})
        failed.set()
        stop.set()

    threading.excepthook = fail
    with left_out(*given.unused_modules):
        # Imported here: options.parse has to say first what this process does without.
        from .program import Program
    program = None
    try:
        program = Program(given)
        program.start()
    except (CannotStart, CloudError, OSError) as error:
        LOG.error("cannot start: %s", error)
        if program is not None:
            program.stop()
        return CANNOT_START
    stop.wait()
    LOG.info("stopping")
    program.stop()
    return BROKEN if failed.is_set() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
