# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make databases, their accounts and their schemas, as a JSON file lists them.

    databases.py DESCRIPTION PASSWORDS SOCKET RECORD CACHE

DESCRIPTION: account -> {"databases": [names], "sync": [[command, argument, ...], ...], "version": text};
the password of account ``x`` is ``x_database`` in PASSWORDS. RECORD remembers the version that each
account's schemas were brought to. A fresh schema is dumped to CACHE, and the next empty database of the
same version is filled from there. So the commands of ``sync`` must leave no secret in the database and
nothing that is true on one host only.

Prints {"changed": ["what was done", ...]}.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from typing import Any

import pymysql

HOSTS = "%"


class Server:
    """The database server, as its root."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def wait(self, seconds: float) -> None:
        """Return when the server answers. Raises pymysql's OperationalError if it does not."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.rows("select 1")
                return
            except pymysql.err.OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        """Run one statement; values are quoted by the client library."""
        with (
            pymysql.connect(unix_socket=self._socket, user="root") as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def accepts(self, account: str, password: str) -> bool:
        """Whether the account exists with this password."""
        try:
            pymysql.connect(unix_socket=self._socket, user=account, password=password).close()
        except pymysql.err.OperationalError as error:
            if error.args[0] == pymysql.constants.ER.ACCESS_DENIED_ERROR:
                return False
            raise
        return True

    def databases(self) -> set[str]:
        return {name for (name,) in self.rows("show databases")}

    def is_empty(self, database: str) -> bool:
        return not self.rows(
            "select 1 from information_schema.tables where table_schema = %s limit 1", database
        )

    def recreate(self, database: str) -> None:
        self.rows(f"drop database if exists `{database}`")
        self.rows(f"create database `{database}`")

    def dump(self, databases: list[str], file: pathlib.Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        with part.open("wb") as out:
            subprocess.run(
                ["mariadb-dump", f"--socket={self._socket}", "--user=root", "--databases", *databases],
                stdout=out,
                check=True,
            )
        part.rename(file)

    def load(self, file: pathlib.Path) -> None:
        with file.open("rb") as source:
            subprocess.run(["mariadb", f"--socket={self._socket}", "--user=root"], stdin=source, check=True)


class Record:
    """What each account's schemas were brought to; an unfinished filling is remembered as such."""

    FILLING = "filling"

    def __init__(self, file: pathlib.Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, account: str) -> str | None:
        return self._known.get(account)

    def set(self, account: str, version: str) -> None:
        with self._lock:
            self._known[account] = version
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self._known))
            part.rename(self._file)


def ensure_account(server: Server, account: str, databases: list[str], password: str) -> list[str]:
    done = []
    missing = [name for name in databases if name not in server.databases()]
    for name in missing:
        server.rows(f"create database `{name}`")
        done.append(f"database {name}")
    if missing or not server.accepts(account, password):
        server.rows("create or replace user %s@%s identified by %s", account, HOSTS, password)
        for name in databases:
            server.rows(f"grant all on `{name}`.* to %s@%s", account, HOSTS)
        done.append(f"database account {account}")
    return done


def run(commands: list[list[str]]) -> None:
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()[-15:]
            raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n" + "\n".join(said))


def ensure_schemas(
    server: Server, record: Record, account: str, wanted: dict[str, Any], dump: pathlib.Path
) -> list[str]:
    databases, version = wanted["databases"], wanted["version"]
    empty = [name for name in databases if server.is_empty(name)]
    if not empty and record.get(account) == version:
        return []
    if empty and empty != databases and record.get(account) == version:
        raise SystemExit(
            f"{account}: of its databases, {', '.join(empty)} is empty, the rest is not. Restore what was"
            f" lost, or drop all of {', '.join(databases)} to begin anew."
        )
    if empty == databases or record.get(account) == Record.FILLING:
        record.set(account, Record.FILLING)
        for name in databases:
            server.recreate(name)
        if dump.exists():
            server.load(dump)
        else:
            run(wanted["sync"])
            server.dump(databases, dump)
    else:
        run(wanted["sync"])
    record.set(account, version)
    return [f"schemas of {account}"]


def main() -> None:
    """Everything in the description, the schemas at the same time."""
    description, passwords = (json.loads(pathlib.Path(name).read_text()) for name in sys.argv[1:3])
    server, record, cache = Server(sys.argv[3]), Record(pathlib.Path(sys.argv[4])), pathlib.Path(sys.argv[5])
    server.wait(60)
    changed = []
    for account, wanted in description.items():
        changed += ensure_account(server, account, wanted["databases"], passwords[f"{account}_database"])

    def schemas(item: tuple[str, dict[str, Any]]) -> list[str]:
        return ensure_schemas(server, record, item[0], item[1], cache / f"{item[0]}.sql")

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in pool.map(schemas, description.items()):
            changed += done
    print(json.dumps({"changed": changed}))


if __name__ == "__main__":
    main()
