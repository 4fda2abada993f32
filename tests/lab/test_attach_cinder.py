# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume comes to a node without Nova: Cinder exports it by iSCSI, and the node connects with os-brick.

The driver's own layers do it: the controller's here, the node's on the nodes of the lab. Nova is not asked.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.block.attachment_plan import HELD, Patience
from ansible_collections.mooring.storage.csi_server.block.connector_attachments import ConnectorAttachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud import volumes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.attachments import Attachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Busy, InUse
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB, lab_cloud, post, write_status

MINE = {names.CLUSTER: "test-attach-cinder"}
PATIENCE = Patience(half_made=1)
FIRST = "host=node1&ip=10.98.0.11&initiator=iqn.2026-01.lab:node1"
SECOND = "host=node2&ip=10.98.0.12&initiator=iqn.2026-01.lab:node2"
GIB = 1024**3
SECONDS = 400

#: What a node does: learns its id; connects, writes or reads, disconnects.
ON_NODE = """
import json, os, sys
from ansible_collections.mooring.storage.csi_server import node_connection
from ansible_collections.mooring.storage.csi_server.host.brick import Multipath, OsBrick
from ansible_collections.mooring.storage.csi_server.host.commands import SystemCommands
from ansible_collections.mooring.storage.csi_server.host.devices import Wanted
from ansible_collections.mooring.storage.plugins.module_utils._cloud.observing import UNOBSERVED
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline

folder = "/run/attach-cinder"
reach = node_connection.ThroughCinder(OsBrick(folder, Multipath()), {address!r}, folder)
told = {{"node_id": reach.identify().node_id}}
sessions = lambda: set(os.listdir("/sys/class/iscsi_session"))
before = sessions()
devices = reach.devices(SystemCommands(), UNOBSERVED)
device = devices.find(Wanted({volume!r}, {size}, {connection!r}), Deadline.after(60))
told["size"] = device.size
told["known"] = devices.carries(device, {volume!r})
with open(device.path, "r+b", buffering=0) as disk:
    told["found"] = disk.read(4096).rstrip(b"\\0").decode()
    disk.seek(0)
    disk.write({data!r}.encode().ljust(4096, b"\\0"))
devices.release({volume!r})
told["released"] = devices.named(device.path.rsplit("/", 1)[-1]) is None
told["sessions_kept"] = sessions() == before
told["left"] = [name for name in os.listdir(folder) if {volume!r} in name]
print("@told=" + json.dumps(told))
"""


def on_node(number, volume, connection, data):
    script = ON_NODE.format(
        address=f"10.98.0.1{number}",
        volume=volume,
        connection=connection,
        size=GIB,
        data=data,
    )
    # The connection holds a password: it goes in by standard input, not as an argument. A node goes on seeing
    # the machine's files as it has read them once: those of the driver may have changed since.
    command = "\n".join(
        [
            "echo 3 >/proc/sys/vm/drop_caches",
            f"export PYTHONPATH={shlex.quote(os.environ['PYTHONPATH'])} PYTHONDONTWRITEBYTECODE=1",
            f"{shlex.quote(sys.executable)} - <<'@PY'",
            script,
            "@PY",
        ]
    )
    ran = subprocess.run(
        [LAB / "bin" / "node-shell", str(number)],
        input=command,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "@told=" in ran.stdout, ran.stdout + ran.stderr
    return json.loads(ran.stdout.rpartition("@told=")[2])


@pytest.fixture(scope="module")
def cloud():
    with lab_cloud() as connection:
        yield connection


@pytest.fixture
def volume(cloud):
    made = cloud.block_storage.create_volume(name="attach-cinder", size=1, volume_type="iscsi", metadata=MINE)
    cloud.block_storage.wait_for_status(made, "available", interval=0.3, wait=120)
    yield made.id
    for attachment in cloud.block_storage.get_volume(made).attachments:
        cloud.block_storage.delete_attachment(attachment["attachment_id"])
    cloud.block_storage.delete_volume(made, force=False)
    cloud.block_storage.wait_for_delete(made, interval=0.3, wait=120)


def soon():
    return Deadline.after(120)


@pytest.fixture
def attachments(cloud):
    api = Api(lambda: cloud.block_storage, volumes.MICROVERSION)
    return ConnectorAttachments(volumes.Volumes(api, MINE), Attachments(api), MINE, 256, PATIENCE)


@pytest.mark.parametrize("status", sorted(HELD))
def test_a_status_that_nobody_stands_behind_is_set_right(cloud, volume, attachments, status):
    write_status(volume, status)
    assert attachments.attach(volume, FIRST, soon()).node_ids() == [FIRST]
    attachments.detach(volume, FIRST, soon())
    write_status(volume, status)
    attachments.detach(volume, FIRST, soon())
    assert cloud.block_storage.get_volume(volume).status == "available"


@pytest.mark.parametrize("connector", [{}, {"host": "gone", "initiator": "iqn.2026-01.test:gone"}])
def test_what_a_driver_left_that_died_half_way_is_made_anew(cloud, volume, attachments, connector):
    body = {"attachment": {"volume_uuid": volume, **({"connector": connector} if connector else {})}}
    left = post(cloud.block_storage, "/attachments", body)["attachment"]["id"]
    with pytest.raises(Busy, match="may be attached by somebody in a moment"):
        attachments.free(volume, InUse("refused"), soon())
    assert attachments.attach(volume, FIRST, soon()).node_ids() == [FIRST]
    records = [each.id for each in cloud.block_storage.attachments(volume_id=volume)]
    assert left not in records
    assert len(records) == 1
    attachments.detach(volume, FIRST, soon())


def test_a_volume_moves_between_nodes_that_connect_by_themselves(cloud, volume, attachments):
    attached = attachments.attach(volume, SECOND, soon())
    assert attached.node_ids() == [SECOND]
    with pytest.raises(InUse, match="node2"):
        attachments.attach(volume, FIRST, soon())
    context = attachments.node_context(attached, SECOND, soon())
    told = on_node(2, volume, context[names.CONNECTION], "written by node2")
    assert told == {
        "node_id": SECOND,
        "size": GIB,
        "known": True,
        "found": "",
        "released": True,
        "sessions_kept": True,
        "left": [],
    }
    for dummy in range(2):
        attachments.detach(volume, SECOND, soon())

    attached = attachments.attach(volume, FIRST, soon())
    context = attachments.node_context(attached, FIRST, soon())
    told = on_node(1, volume, context[names.CONNECTION], "written by node1")
    assert (told["found"], told["sessions_kept"]) == ("written by node2", True)
    attachments.detach(volume, FIRST, soon())
    found = cloud.block_storage.get_volume(volume)
    assert (found.status, found.attachments) == ("available", [])
