# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether OpenStack services are as a role left them: its files, the programs, the answers of the APIs.

    services_state.py check  EXPECTED PASSWORDS SETTLED FINGERPRINT
    services_state.py wait   EXPECTED PASSWORDS SECONDS
    services_state.py record EXPECTED SETTLED FINGERPRINT

EXPECTED is a JSON file: ``supervisorctl`` (command), ``programs``, ``urls`` that answer, ``keystone``
(URL), ``accounts`` that can log in, ``files`` that only the role writes, and ``resources``: lists of an API
that must hold objects with given values. ``check`` prints {"problems": [...], "running": [programs]}: no
problem when nothing is left to do. ``wait`` returns as soon as there is none, and fails when supervisord
has given up on a program, or with the last ones after SECONDS. ``record`` notes what ``check`` compares
with. Needs nothing but Python.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

TIMEOUT = 10.0


def ask(url: str, headers: dict[str, str], body: dict[str, Any] | None = None) -> tuple[Any, dict[str, str]]:
    """One JSON request. Raises OSError (URLError and HTTPError are such)."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        text = answer.read()
        return (json.loads(text) if text[:1] in (b"{", b"[") else None), dict(answer.headers.items())


def token(keystone: str, user: str, password: str, project: str) -> str:
    domain = {"id": "default"}
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": user, "password": password, "domain": domain}},
            },
            "scope": {"project": {"name": project, "domain": domain}},
        }
    }
    dummy, headers = ask(f"{keystone}/v3/auth/tokens", {}, body)
    return headers["X-Subject-Token"]


def states(supervisorctl: list[str]) -> dict[str, str]:
    """Program -> supervisord's word for its state; nothing where no supervisord answers."""
    said = subprocess.run([*supervisorctl, "status"], capture_output=True, text=True, check=False).stdout
    return {line.split()[0]: line.split()[1] for line in said.splitlines() if len(line.split()) > 1}


def stopped(expected: dict[str, Any], now: dict[str, str]) -> list[str]:
    return [
        f"program {name}: {now.get(name, 'not known')}"
        for name in expected["programs"]
        if now.get(name) != "RUNNING"
    ]


def unanswered(url: str) -> list[str]:
    try:
        ask(url, {})
    except OSError as error:
        return [f"{url}: {error}"]
    return []


def refused(keystone: str, account: dict[str, str], passwords: dict[str, str]) -> list[str]:
    try:
        token(keystone, account["name"], passwords[account["name"]], account["project"])
    except OSError as error:
        return [f"account {account['name']}: {error}"]
    return []


def lacking(resource: dict[str, Any], headers: dict[str, str]) -> list[str]:
    try:
        answer, dummy = ask(resource["url"], {**headers, **resource.get("headers", {})})
    except OSError as error:
        return [f"{resource['url']}: {error}"]
    found = answer[resource["key"]]
    return [
        f"{resource['key']}: no {wanted}"
        for wanted in resource["wanted"]
        if not any(wanted.items() <= item.items() for item in found)
    ]


def live_problems(expected: dict[str, Any], passwords: dict[str, str]) -> list[str]:
    """What the running services lack, the cheapest questions first."""
    problems = stopped(expected, states(expected["supervisorctl"]))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for found in pool.map(unanswered, expected["urls"]):
            problems += found
        if problems:
            return problems
        keystone = expected["keystone"]
        for found in pool.map(lambda account: refused(keystone, account, passwords), expected["accounts"]):
            problems += found
        if problems:
            return problems
        headers = {"X-Auth-Token": token(keystone, "admin", passwords["admin"], "admin")}
        for found in pool.map(lambda resource: lacking(resource, headers), expected["resources"]):
            problems += found
    return problems


def digests(expected: dict[str, Any]) -> dict[str, str]:
    files = [pathlib.Path(name) for name in expected["files"]]
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "" for file in files
    }


def read(name: str) -> Any:
    return json.loads(pathlib.Path(name).read_text())


def check(expected_file: str, passwords: str, settled: str, fingerprint: str) -> None:
    expected = read(expected_file) if os.path.exists(expected_file) else None
    if expected is None or not os.path.exists(settled):
        problems = ["not set up yet"]
    else:
        before, now = read(settled), digests(expected)
        problems = [] if before["fingerprint"] == fingerprint else ["the role or its variables changed"]
        problems += [f"{name} changed" for name in sorted(now) if now[name] != before["files"].get(name)]
        problems = problems or live_problems(expected, read(passwords))
    running = (
        [name for name, state in states(expected["supervisorctl"]).items() if state == "RUNNING"]
        if expected
        else []
    )
    print(json.dumps({"problems": problems, "running": running}))


def wait(expected_file: str, passwords_file: str, seconds: str) -> None:
    expected, passwords = read(expected_file), read(passwords_file)
    deadline = time.monotonic() + float(seconds)
    while problems := live_problems(expected, passwords):
        given_up = [name for name, state in states(expected["supervisorctl"]).items() if state == "FATAL"]
        if given_up:
            raise SystemExit(f"supervisord gave up on {', '.join(given_up)}: see their logs")
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds} s: " + "; ".join(problems))
        time.sleep(0.3)


def record(expected_file: str, settled: str, fingerprint: str) -> None:
    file = pathlib.Path(settled)
    file.touch(mode=0o600)
    file.write_text(json.dumps({"fingerprint": fingerprint, "files": digests(read(expected_file))}))


if __name__ == "__main__":
    {"check": check, "wait": wait, "record": record}[sys.argv[1]](*sys.argv[2:])
