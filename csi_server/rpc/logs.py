# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines for machines (JSON) or people (text), on standard error; a record is one line in both."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


#: Needs no quotes in a text line.
_BARE = re.compile(r'[^\s"=\\\x00-\x1f\x7f]+')


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


class JsonLines(logging.Formatter):
    """One JSON object a record; what was given as ``extra`` stands in it by its own name."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """The message, then what was given as ``extra`` as ``name=value``.

    A value with spaces, quotes or line ends stands in quotes, as in JSON: who sends a name of two
    lines cannot write a line of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        given = _extra(record)
        if record.exc_info:
            given["traceback"] = self.formatException(record.exc_info)
        extra = "".join(f" {name}={_written(value)}" for name, value in given.items())
        return f"{time} {record.levelname.lower()} {_one_line(record.getMessage())}{extra}"


def _written(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text)


def _one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]


FORMATS: dict[str, type[logging.Formatter]] = {"json": JsonLines, "text": TextLines}


def configure(form: str, level: str) -> None:
    """Send the program's log to standard error.

    :param form: a key of FORMATS.
    :param level: debug, info, warning or error.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATS[form]())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # These log requests with their headers, and commands, at debug.
    for name in ("urllib3", "keystoneauth", "openstack", "stevedore", "os_brick", "oslo_concurrency"):
        logging.getLogger(name).setLevel(logging.WARNING)
