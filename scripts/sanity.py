# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-test sanity on a copy of the checkout, every test that can run here, with no ignore entries.

ansible-test wants a real folder ``ansible_collections/mooring/storage`` and keeps its virtual environments
in the user's home. So it gets a copy (what git tracks or would track) and a home of its own in the cache,
where its environments stay for the next run. Arguments are passed on: ``scripts/sanity.py --test pep8``.
"""

from __future__ import annotations

import ast
import configparser
import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ["MOORING_CACHE"])
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# The name under which ansible-test looks for its bootstrap script; it changes with ansible-core.
PIP_BOOTSTRAP = "get_pip_24_2.py"
# Documentation fragments and module_utils of these are needed to import and document our modules.
NEIGHBOURS = ("openstack", "kubernetes")


def work_folder() -> Path:
    """The cache folder of this checkout and this version of Ansible."""
    key = hashlib.sha256(f"{CHECKOUT} {version('ansible')} {version('ansible-core')}".encode()).hexdigest()
    return CACHE / f"sanity-{key[:12]}"


def copy_checkout(target: Path) -> None:
    """Replaces ``target`` by what git tracks, or would track, of the checkout as it is on disk."""
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shutil.rmtree(target, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        source = CHECKOUT / name
        if not source.exists():
            continue
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, destination, follow_symlinks=False)


def link_neighbours(collections: Path) -> None:
    """Puts the collections that ours depends on beside it."""
    (place,) = find_spec("ansible_collections.openstack").submodule_search_locations  # type: ignore[union-attr,misc]
    for name in NEIGHBOURS:
        link = collections / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path(place).parent / name)


def pip_settings() -> dict[str, str]:
    """This user's settings for pip, from its files and its environment, the environment last."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    files: dict[str, str] = {}
    environment: dict[str, str] = {}
    for line in listed.splitlines():
        name, value = line.split("=", 1)
        section, key = name.rsplit(".", 1)
        if section in ("global", "install"):
            files[key] = str(ast.literal_eval(value))
        elif section == ":env:":
            environment[key] = str(ast.literal_eval(value))
    if proxy := os.environ.get("https_proxy", os.environ.get("HTTPS_PROXY")):
        files.setdefault("proxy", proxy)
    return files | environment


def prepare_home(home: Path) -> None:
    """A home with pip's settings and its bootstrap: of the environment ansible-test passes on HOME alone."""
    settings = home / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    parser = configparser.RawConfigParser()
    parser["global"] = pip_settings()
    settings.touch(mode=0o600)
    with settings.open("w", encoding="utf-8") as file:
        parser.write(file)
    bootstrap = home / ".ansible" / "test" / "cache" / PIP_BOOTSTRAP
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CHECKOUT / "scripts" / "pip_bootstrap.py", bootstrap)


def main() -> int:
    folder = work_folder()
    collections = folder / "ansible_collections"
    target = collections / "mooring" / "storage"
    copy_checkout(target)
    link_neighbours(collections)
    prepare_home(folder / "home")
    environment = {
        "HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
    }
    return subprocess.run(
        ["ansible-test", "sanity", "--python", PYTHON, "--color", "no", *sys.argv[1:]],
        cwd=target,
        env=environment,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
