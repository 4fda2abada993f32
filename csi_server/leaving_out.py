# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaving modules of the standard library out of a process that has no use for them.

grpc imports asyncio, and http.server http.client. Both do without ssl where Python was built without it, so
they take it as missing here: it and OpenSSL are 4 MiB of a node's memory.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def left_out(*modules: str) -> Iterator[None]:
    """Inside of the block, what is imported finds none of the modules; those that are here already stay."""
    missing = [name for name in modules if name not in sys.modules]
    # As the import system has it: None is a module that there is not.
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
