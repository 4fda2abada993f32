# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a set of files be what standard input says: one run for many files, as each module run costs half a
second.

    write_files.py write|compare < {"folders": [paths], "files": {path: text}}

Folders of the files are made too. Files are for root alone: most hold a password. Prints {"changed":
[paths]}: with ``compare`` what ``write`` would change.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys


def differs(file: pathlib.Path, text: str) -> bool:
    return not file.is_file() or file.read_text() != text


def write(file: pathlib.Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    part.rename(file)


def main() -> None:
    """Everything on standard input."""
    wanted = json.load(sys.stdin)
    files = {pathlib.Path(name): text for name, text in wanted["files"].items()}
    folders = [pathlib.Path(name) for name in wanted["folders"]]
    missing = [folder for folder in folders if not folder.is_dir()]
    changed = [file for file, text in files.items() if differs(file, text)]
    if sys.argv[1] == "write":
        for folder in missing:
            folder.mkdir(parents=True)
        for file in changed:
            write(file, files[file])
    print(json.dumps({"changed": [str(path) for path in missing + changed]}))


if __name__ == "__main__":
    main()
