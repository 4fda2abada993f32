# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that takes its clouds from a clouds.yaml, as ``use-clouds`` says."""

from __future__ import annotations

import uuid

import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.tests.e2e.own_controller import OwnController
from ansible_collections.mooring.storage.tests.lab.faults.load import CAPABILITY
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB


def section(cloud, name=""):
    head = f'[Global "{name}"]' if name else "[Global]"
    file = LAB / "etc" / "clouds.yaml"
    return f"{head}\nuse-clouds = true\nclouds-file = {file}\ncloud = {cloud}\n"


@pytest.fixture
def controller(tmp_path):
    """Serves the lab's cloud ``demo``, and ``second`` to those who name it."""
    made = OwnController(tmp_path)
    made.configure(section("demo"), section("second", "other"))
    with made.running():
        made.wait_ready()
        yield made


def test_volumes_are_made_where_the_file_says(controller, cinder, second_project):
    def named(storage, name):
        return [each.id for each in storage.volumes() if each.name == name]

    for secrets, storage in (({}, cinder), ({"cloud": "other"}, second_project.block_storage)):
        name = f"e2e-{uuid.uuid4().hex[:8]}"
        wanted = csi.CreateVolumeRequest(
            name=name, volume_capabilities=[CAPABILITY], parameters={"type": "fast"}, secrets=secrets
        )
        with controller.stub() as stub:
            made = stub.CreateVolume(wanted, timeout=120).volume
            assert named(storage, name) == [made.volume_id]
            stub.DeleteVolume(csi.DeleteVolumeRequest(volume_id=made.volume_id, secrets=secrets), timeout=120)
        assert named(storage, name) == []
