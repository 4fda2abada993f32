# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that no Nova knows, and that has all the volumes that it may have. Cinder would give it more.

Nothing connects here: a node's id is its connector, and what one is for is the attachments in Cinder.
"""

from __future__ import annotations

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block import connector
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.tests.e2e.own_controller import (
    OwnController,
    section,
    volume_request,
)

LIMIT = 2
NODE, OTHER = (
    connector.encode({"host": host, "ip": "10.98.0.1", "initiator": f"iqn.2026-01.test:{host}"})
    for host in ("full-1", "full-2")
)


ARGUMENTS = ("--attach=cinder", f"--max-volumes-per-node={LIMIT}")


@pytest.fixture
def controller(tmp_path, cloud):
    """Has nodes connect by themselves."""
    made = OwnController(tmp_path)
    made.configure(section(cloud))
    return made


@pytest.fixture
def volumes(cinder):
    """The ids of volumes; those that are left are taken away, with who holds them."""
    made = []
    yield made
    for left in filter(None, (cinder.find_volume(volume, ignore_missing=True) for volume in made)):
        for attachment in left.attachments:
            cinder.delete_attachment(attachment["attachment_id"])
        cinder.delete_volume(left)
        cinder.wait_for_delete(left, interval=0.3, wait=60)


def publish(stub, volume, node):
    request = csi.ControllerPublishVolumeRequest(volume_id=volume, node_id=node)
    request.volume_capability.CopyFrom(volume_request().volume_capabilities[0])
    return stub.ControllerPublishVolume(request, timeout=120)


def unpublish(stub, volume, node):
    stub.ControllerUnpublishVolume(
        csi.ControllerUnpublishVolumeRequest(volume_id=volume, node_id=node), timeout=120
    )


def is_full(stub, volume, node):
    """Whether a node has no place for a volume, and the driver says why."""
    with pytest.raises(grpc.RpcError) as refusal:
        publish(stub, volume, node)
    full = refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    return full and f"may have {LIMIT}" in refusal.value.details()


def held(cinder, volume):
    return len(cinder.get_volume(volume).attachments)


def test_one_too_many_is_refused_and_gets_the_place_that_comes_back(controller, cinder, volumes):
    with controller.running(*ARGUMENTS), controller.stub() as stub:
        controller.wait_ready()
        for dummy in range(LIMIT + 1):
            volumes.append(stub.CreateVolume(volume_request("iscsi"), timeout=120).volume.volume_id)
        *first, last = volumes
        for volume in first:
            publish(stub, volume, NODE)
        assert is_full(stub, last, NODE)
        assert held(cinder, last) == 0
        publish(stub, first[0], NODE)
        publish(stub, last, OTHER)
        unpublish(stub, last, OTHER)

    # Another process counts what it finds.
    with controller.running(*ARGUMENTS), controller.stub() as stub:
        controller.wait_ready()
        assert is_full(stub, last, NODE)
        unpublish(stub, first[0], NODE)
        publish(stub, last, NODE)
        assert held(cinder, last) == 1
