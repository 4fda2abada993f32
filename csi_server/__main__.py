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
from .claims import NotInCluster
from .config import options
from .program import Program
from .rpc import logs
from .rpc.certificates import BadCertificate
from .rpc.server import BadEndpoint

LOG = logging.getLogger(__name__)
CANNOT_START = 2


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. Return the exit status."""
    given = options.parse(arguments)
    logs.configure(given.log_format, given.log_level)
    for flag, reason in given.without_effect:
        LOG.warning("a flag has no effect", extra={"flag": flag, "reason": reason})
    stop = threading.Event()
    # A container's first process gets no signal that it does not handle.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *dummy: stop.set())
    program = None
    try:
        program = Program(given)
        program.start()
    except (BadCertificate, BadEndpoint, CloudError, NotInCluster, OSError) as error:
        LOG.error("cannot start: %s", error)
        if program is not None:
            program.stop()
        return CANNOT_START
    stop.wait()
    LOG.info("stopping")
    program.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
