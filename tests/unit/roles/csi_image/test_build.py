# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the image is built, and what is said where it cannot be. Stand-ins for the programs build nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REGISTRY = {"csi_image_name": "registry.example.org/driver", "csi_image_push": True}
IMAGE = "registry.example.org/driver:1"
Run = subprocess.CompletedProcess[str]
Site = Callable[..., Run]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder that comes first on the search path, with a buildah that only tells its version."""
    folder = tmp_path / "bin"
    folder.mkdir()
    write(folder / "uname", "echo x86_64")
    write(folder / "buildah", '[ "$1" = --version ]')
    return folder


@pytest.fixture
def site(tmp_path: Path, programs: Path) -> Site:
    """Runs the playbook as far as it comes without a cluster, whose name csi_driver asks for first."""

    def run(*options: str, **variables: Any) -> Run:
        given = {"csi_image_dir": str(tmp_path / "image"), **variables}
        return subprocess.run(
            ["ansible-playbook", "mooring.storage.site", "-e", json.dumps(given), *options],
            env={**os.environ, "PATH": os.pathsep.join([str(programs), os.environ["PATH"]])},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def write(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def words(ran: Run) -> str:
    """What it said, on one line."""
    return re.sub(r"\s+", " ", ran.stdout)


def would_build(ran: Run) -> bool:
    return (
        re.search(r"The image registry[.]example[.]org/driver:[0-9a-f]{12} would be built", words(ran))
        is not None
    )


def test_an_image_that_exists_is_installed_and_none_is_built(site: Site, programs: Path) -> None:
    write(programs / "buildah", "exit 1")
    ran = site(csi_driver_image=IMAGE)
    assert "csi_driver_cluster is not given" in words(ran)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"csi_image_name": "registry.example.org/driver"},
        {"csi_image_push": True},
    ],
    ids=["nothing", "no push", "no registry"],
)
def test_an_image_that_no_node_could_get_is_not_built(site: Site, given: dict[str, Any]) -> None:
    ran = site(**given)
    assert ran.returncode != 0
    assert "csi_image_push: true, or csi_image_nodes; or csi_driver_image" in words(ran)


def test_all_that_is_missing_is_told_at_once(site: Site, programs: Path, tmp_path: Path) -> None:
    for name in ("buildah", "mmdebstrap", "python"):
        write(programs / name, "exit 1")
    python = {"ansible_playbook_python": str(programs / "python")}
    ran = site(**REGISTRY, **python, csi_image_rootfs=str(tmp_path / "rootfs.tar"))
    assert ran.returncode != 0
    told = words(ran)
    for each in ("install buildah", "install mmdebstrap", "install python3-pip", "pip install grpcio-tools"):
        assert each in told
    assert "csi_driver_image" in told


def test_wheels_of_another_architecture_are_refused(site: Site, programs: Path) -> None:
    write(programs / "uname", "echo riscv64")
    ran = site(**REGISTRY)
    assert ran.returncode != 0
    assert "manylinux_2_17_x86_64" in words(ran)
    assert "manylinux_2_28_riscv64" in words(ran)
    ours = site("--check", **REGISTRY, csi_image_platforms=["manylinux_2_39_riscv64"])
    assert would_build(ours)


def test_check_mode_tells_the_image_and_goes_on(site: Site, tmp_path: Path) -> None:
    ran = site("--check", **REGISTRY)
    assert would_build(ran)
    assert "csi_driver_cluster is not given" in words(ran)
    assert not (tmp_path / "image").exists()


def test_what_goes_in_is_in_the_tag(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [
        {},
        {"csi_image_base": "docker.io/library/debian:bookworm-20260101-slim"},
        {"csi_image_packages": ["python3"]},
        {"csi_image_python_version": "3.13"},
        {"csi_image_platforms": ["manylinux_2_34_x86_64"]},
    ]
    tasks: list[dict[str, Any]] = []
    for each in given:
        role = {"name": "mooring.storage.csi_image", "tasks_from": "base"}
        told = {"msg": "key {{ csi_image_base_archive | basename }}"}
        tasks += [{"ansible.builtin.include_role": role, "vars": each}, {"ansible.builtin.debug": told}]
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    folder = f"csi_image_dir={tmp_path / 'image'}"
    ran = subprocess.run(
        ["ansible-playbook", "--check", "-e", folder, str(play)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    keys = re.findall(r"key base-([0-9a-f]{12})[.]tar", ran.stdout)
    assert len(keys) == len(given)
    assert len(set(keys)) == len(given)
