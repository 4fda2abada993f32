# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, run on a cluster that is a file: stand-ins take the place of kubernetes.core's modules."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STANDIN = Path(__file__).resolve().parent / "standin"
Object = dict[str, Any]


class Cluster:
    """A cluster, and what plays do to it.

    :ivar options: of ansible-playbook.
    """

    def __init__(self, folder: Path) -> None:
        self.options: list[str] = []
        self._folder = folder
        self._file = folder / "cluster.json"
        actions = folder / "collections" / "ansible_collections" / "kubernetes" / "core" / "plugins"
        actions.mkdir(parents=True)
        (actions / "action").symlink_to(STANDIN)
        self.holds()

    def holds(self, *objects: Object) -> None:
        """Have these objects and no others."""
        self._file.write_text(json.dumps(objects))

    def names(self) -> set[tuple[str, str]]:
        """Kind and name of each object."""
        return {(each["kind"], each["metadata"]["name"]) for each in self.objects()}

    def objects(self) -> list[Object]:
        found: list[Object] = json.loads(self._file.read_text())
        return found

    def run(self, role: str, *parts: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a role of this collection, or parts of it, one after the other."""
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {
                    "ansible.builtin.include_role": {"name": f"mooring.storage.{role}", "tasks_from": part},
                    "vars": variables,
                }
                for part in parts or ("main",)
            ],
        }
        (self._folder / "play.yml").write_text(json.dumps([play]))
        paths = [str(self._folder / "collections"), os.environ["ANSIBLE_COLLECTIONS_PATH"]]
        return subprocess.run(
            ["ansible-playbook", *self.options, str(self._folder / "play.yml")],
            env=os.environ
            | {"ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths), "TEST_CLUSTER": str(self._file)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


@pytest.fixture
def in_check_mode(cluster: Cluster) -> None:
    """Plays change nothing."""
    cluster.options.append("--check")


@pytest.fixture
def an_object() -> Callable[..., Object]:
    """Makes an object; with ``ours``, it carries the label of what the roles made."""

    def make(kind: str, name: str, namespace: str | None = "kube-system", ours: bool = True) -> Object:
        labels = {"app.kubernetes.io/managed-by": "mooring.storage" if ours else "Helm"}
        where = {"namespace": namespace} if namespace else {}
        return {"kind": kind, "metadata": {"name": name, "labels": labels, **where}}

    return make
