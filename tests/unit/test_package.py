# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the built collection holds: all that its users need, and nothing of a checkout besides."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from ansible_collections.mooring.storage.csi_server.version import VERSION

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "changelogs",
    "csi_server",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements",
    "roles",
    "tools",
}
FILES = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "bindep.txt", "requirements.txt"}
MADE_BY_THE_BUILD = {"FILES.json", "MANIFEST.json"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files of the archive that ansible-galaxy builds of this checkout."""
    target = tmp_path_factory.mktemp("package")
    subprocess.run(
        [Path(sys.executable).with_name("ansible-galaxy"), "collection", "build", "--output-path", target],
        cwd=CHECKOUT,
        env=os.environ | {"HOME": str(target)},
        check=True,
        capture_output=True,
    )
    (archive,) = target.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        return {member.name for member in opened if member.isfile()}


def tracked(pattern: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", pattern],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name for name in listed.stdout.splitlines() if (CHECKOUT / name).exists()}


def test_nothing_else_ships(files: set[str]) -> None:
    assert {name.split("/")[0] for name in files} <= FOLDERS | FILES | MADE_BY_THE_BUILD


def test_generated_code_does_not_ship(files: set[str]) -> None:
    assert not [name for name in files if "_pb2" in name or name.endswith(".pyc")]


@pytest.mark.parametrize("folder", ["csi_server", "meta", "playbooks", "plugins", "requirements", "roles"])
def test_a_folder_ships_whole(files: set[str], folder: str) -> None:
    """A file with a suffix that galaxy.yml does not name would be missing on the user's machine only."""
    assert tracked(folder) - files == set()


def linked(page: Path) -> set[str]:
    """Files of the collection that a page links to, from its root."""
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    return {
        os.path.relpath(page.parent / link, CHECKOUT) for link in links if not link.startswith("https://")
    }


def test_what_is_linked_to_ships(files: set[str]) -> None:
    for page in [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")]:
        assert linked(page) - files == set(), page


def test_every_page_has_one_title_and_is_linked_from_the_readme() -> None:
    pages = sorted((CHECKOUT / "docs").glob("*.md"))
    assert {os.path.relpath(page, CHECKOUT) for page in pages} <= linked(CHECKOUT / "README.md")
    for page in pages:
        prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        assert len(re.findall(r"^# ", prose, re.M)) == 1, page


def test_action_groups_hold_every_module() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    grouped = sorted(name for names in runtime["action_groups"].values() for name in names)
    assert grouped == sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("[!_]*.py"))


def test_the_driver_has_the_version_of_the_collection() -> None:
    galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["version"] == VERSION
