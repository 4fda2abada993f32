# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that lost track of who has them, in the lab's real Cinder and Nova: each is set right.

The servers are no nodes of the lab, so nothing is plugged in anywhere; Nova and Cinder do not know that.
"""

from __future__ import annotations

import contextlib
import uuid

import openstack
import pytest

from ansible_collections.mooring.storage.csi_server.block.attachment_plan import Patience
from ansible_collections.mooring.storage.csi_server.block.attachments import ServerAttachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud import servers, volumes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.attachments import Attachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import CloudError, InUse
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.lab.lab_cloud import in_database, lab_cloud, post, write_status

MINE = {"cinder.csi.openstack.org/cluster": "test-attachments"}
PATIENCE = Patience(half_made=1, detaching=1)
CONNECTOR = {"host": "gone", "initiator": "iqn.2026-01.test:gone", "file_volumes": "path"}


@pytest.fixture(scope="module")
def cloud():
    with lab_cloud() as connection:
        yield connection


@pytest.fixture(scope="module")
def admin():
    with lab_cloud("admin") as connection:
        yield connection


@pytest.fixture(scope="module")
def made_servers(cloud, admin):
    """Two servers that are running, by their ids."""
    flavors = list(admin.compute.flavors())
    roots = [cloud.block_storage.create_volume(name="attachments-root", size=1) for dummy in range(2)]
    made = []
    try:
        for root in roots:
            cloud.block_storage.wait_for_status(root, "available", interval=0.3, wait=60)
            cloud.block_storage.set_volume_bootable_status(root, True)
            disk = {
                "boot_index": 0,
                "uuid": root.id,
                "source_type": "volume",
                "destination_type": "volume",
                "delete_on_termination": True,
            }
            made.append(
                cloud.compute.create_server(
                    name="attachments",
                    flavor_id=flavors[0].id,
                    networks="none",
                    block_device_mapping_v2=[disk],
                )
            )
        yield [cloud.compute.wait_for_server(server, interval=0.3, wait=90).id for server in made]
    finally:
        for server in made:
            cloud.compute.delete_server(server)
        for server in made:
            cloud.compute.wait_for_delete(server, interval=0.3, wait=60)


@pytest.fixture
def server(made_servers):
    return made_servers[0]


@pytest.fixture
def other(made_servers):
    return made_servers[1]


@pytest.fixture
def volume(cloud, admin):
    """The id of a volume of ours. However the test leaves it, it is deleted."""
    made = cloud.block_storage.create_volume(name="attachments", size=1, metadata=MINE)
    cloud.block_storage.wait_for_status(made, "available", interval=0.3, wait=60)
    yield made.id
    admin.block_storage.reset_volume_status(made, "available", "detached", None)
    cloud.block_storage.delete_volume(made, force=False)
    cloud.block_storage.wait_for_delete(made, interval=0.3, wait=60)


@pytest.fixture
def attachments(cloud):
    cinder = Api(lambda: cloud.block_storage, volumes.MICROVERSION)
    nova = Api(lambda: cloud.compute, servers.MICROVERSION)
    return ServerAttachments(
        volumes.Volumes(cinder, MINE), Attachments(cinder), servers.Servers(nova), MINE, PATIENCE
    )


@pytest.fixture
def reset(volume):
    """Writes the volume's status."""
    return lambda status: write_status(volume, status)


def soon():
    return Deadline.after(60)


def held_by(cloud, volume):
    found = cloud.block_storage.get_volume(volume)
    return found.status, [each["server_id"] for each in found.attachments]


def attach_and_detach(cloud, attachments, volume, server):
    """The proof that all is well again."""
    attachments.attach(volume, server, soon())
    assert held_by(cloud, volume) == ("in-use", [server])
    attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])


@pytest.mark.parametrize(
    "status", ["reserved", "attaching", "detaching", "error_attaching", "error_detaching", "in-use"]
)
def test_a_status_that_nobody_stands_behind(cloud, attachments, volume, server, reset, status):
    reset(status)
    attach_and_detach(cloud, attachments, volume, server)


def test_a_reservation_of_the_old_kind(cloud, attachments, volume, server):
    post(cloud.block_storage, f"/volumes/{volume}/action", {"os-reserve": None})
    assert held_by(cloud, volume) == ("attaching", [])
    attach_and_detach(cloud, attachments, volume, server)


@pytest.mark.parametrize("whose", ["other", "server", "nobody"])
def test_a_reservation_that_nova_does_not_know(cloud, attachments, volume, server, other, whose):
    reservation = {"volume_uuid": volume}
    if whose != "nobody":
        reservation["instance_uuid"] = {"other": other, "server": server}[whose]
    post(cloud.block_storage, "/attachments", {"attachment": reservation})
    assert held_by(cloud, volume)[0] == "reserved"
    attach_and_detach(cloud, attachments, volume, server)


@pytest.mark.parametrize("far", ["reserved", "attaching", "attached"])
def test_an_attachment_left_over_from_a_server_that_is_gone(cloud, attachments, volume, server, far):
    gone = str(uuid.uuid4())
    wanted = {"volume_uuid": volume, "instance_uuid": gone}
    if far != "reserved":
        wanted["connector"] = CONNECTOR
    made = post(cloud.block_storage, "/attachments", {"attachment": wanted})["attachment"]["id"]
    if far == "attached":
        post(cloud.block_storage, f"/attachments/{made}/action", {"os-complete": None})
    attach_and_detach(cloud, attachments, volume, server)


@pytest.mark.parametrize("far", ["reserved", "attached"])
def test_detach_from_a_server_that_is_gone_frees_the_volume(cloud, attachments, volume, far):
    gone = str(uuid.uuid4())
    wanted = {"volume_uuid": volume, "instance_uuid": gone}
    if far == "attached":
        wanted["connector"] = CONNECTOR
    made = post(cloud.block_storage, "/attachments", {"attachment": wanted})["attachment"]["id"]
    if far == "attached":
        post(cloud.block_storage, f"/attachments/{made}/action", {"os-complete": None})
    attachments.detach(volume, gone, soon())
    assert held_by(cloud, volume) == ("available", [])


@pytest.mark.parametrize("status", ["error", "error_attaching", "error_detaching", "available", "attaching"])
def test_a_status_that_hides_an_attachment(cloud, attachments, volume, server, reset, status):
    attachments.attach(volume, server, soon())
    reset(status)
    attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])


@pytest.mark.parametrize("column", ["volumes", "volume_attachment"])
def test_an_error_while_detaching(cloud, attachments, volume, server, column):
    attachments.attach(volume, server, soon())
    of = "id" if column == "volumes" else "volume_id"
    in_database(f"update {column} set attach_status = 'error_detaching' where {of} = '{volume}'")
    attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])


def test_a_detaching_that_nobody_goes_on_with(cloud, attachments, volume, server):
    attachments.attach(volume, server, soon())
    post(cloud.block_storage, f"/volumes/{volume}/action", {"os-begin_detaching": None})
    attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])


def test_a_server_that_is_shut_off_gives_its_volume_back(cloud, attachments, volume, server):
    attachments.attach(volume, server, soon())
    cloud.compute.stop_server(server)
    found = cloud.compute.get_server(server)
    cloud.compute.wait_for_server(found, status="SHUTOFF", interval=0.3, wait=60)
    try:
        attachments.detach(volume, server, soon())
    finally:
        cloud.compute.start_server(server)
        cloud.compute.wait_for_server(found, interval=0.3, wait=60)
    assert held_by(cloud, volume) == ("available", [])


@pytest.fixture
def shown_as(admin, server):
    """Has Nova take the server as being in another state; and as it is, afterwards."""
    found = admin.compute.get_server(server)
    real = {
        "vm_state": "active",
        "task_state": None,
        "host": found.compute_host,
        "node": found.hypervisor_hostname,
    }

    def write(columns):
        written = ", ".join(
            f"{name} = null" if value is None else f"{name} = '{value}'" for name, value in columns.items()
        )
        in_database(f"update instances set {written} where uuid = '{server}'", "nova")

    @contextlib.contextmanager
    def shown(**columns):
        write(columns)
        try:
            yield
        finally:
            write(real)

    return shown


@pytest.mark.parametrize(
    "columns",
    [
        {"vm_state": "paused"},
        {"vm_state": "stopped"},
        {"vm_state": "resized"},
        {"vm_state": "shelved_offloaded", "host": None, "node": None},
    ],
    ids=lambda columns: columns["vm_state"],
)
def test_a_server_that_stands_still_takes_volumes_and_gives_them_back(
    cloud, attachments, volume, server, shown_as, columns
):
    with shown_as(**columns):
        attach_and_detach(cloud, attachments, volume, server)


def test_a_server_that_was_shelved_since_gives_its_volume_back(cloud, attachments, volume, server, shown_as):
    attachments.attach(volume, server, soon())
    with shown_as(vm_state="shelved_offloaded", host=None, node=None):
        attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])


@pytest.mark.parametrize("task", ["migrating", "resize_prep", "rebuilding"])
def test_a_server_that_nova_works_on_takes_no_volume_and_keeps_those_that_it_has(
    cloud, attachments, volume, server, shown_as, task
):
    with shown_as(task_state=task), pytest.raises(CloudError, match=f"task_state {task}"):
        attachments.attach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])
    attachments.attach(volume, server, soon())
    with shown_as(task_state=task), pytest.raises(CloudError, match=f"task_state {task}"):
        attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("in-use", [server])
    attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])


@pytest.fixture
def host_down(admin, server):
    """Tells Nova that a server's host is down, and that it is up again."""
    host = admin.compute.get_server(server).compute_host
    [service] = admin.compute.services(binary="nova-compute", host=host)

    @contextlib.contextmanager
    def down():
        admin.compute.update_service_forced_down(service, forced=True)
        try:
            yield
        finally:
            admin.compute.update_service_forced_down(service, forced=False)

    return down


def test_a_server_whose_host_is_down_keeps_its_volume(cloud, attachments, volume, server, host_down):
    attachments.attach(volume, server, soon())
    with host_down(), pytest.raises(InUse, match="openstack server evacuate"):
        attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("in-use", [server])
    attachments.detach(volume, server, soon())
    assert held_by(cloud, volume) == ("available", [])


def test_a_server_that_has_the_volume_keeps_it(cloud, attachments, volume, server, other, reset):
    attachments.attach(volume, other, soon())
    for status in ("in-use", "error"):
        reset(status)
        with pytest.raises(InUse, match=f"attached to server {other}"):
            attachments.attach(volume, server, soon())
    assert held_by(cloud, volume) == ("error", [other])
    attachments.detach(volume, other, soon())


def test_a_volume_of_somebody_else_is_left_alone(cloud, attachments, volume, server, other):
    answer = cloud.block_storage.put(f"/volumes/{volume}/metadata", json={"metadata": {}})
    openstack.exceptions.raise_from_response(answer)
    post(cloud.block_storage, "/attachments", {"attachment": {"volume_uuid": volume, "instance_uuid": other}})
    with pytest.raises(InUse, match="not made by this driver for this cluster"):
        attachments.attach(volume, server, soon())
    assert held_by(cloud, volume) == ("reserved", [])


def test_a_volume_in_error_is_told_with_what_helps(attachments, volume, server, reset):
    reset("error")
    with pytest.raises(InUse, match="openstack volume set --state available"):
        attachments.attach(volume, server, soon())
