# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attaching without Nova: a node's connector as its id, and volumes exported to it."""

from __future__ import annotations

import json

import pytest

from ansible_collections.mooring.storage.csi_server.block import connector
from ansible_collections.mooring.storage.csi_server.block.attachment_plan import Patience
from ansible_collections.mooring.storage.csi_server.block.connector_attachments import ConnectorAttachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.attachments import Attachments
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    Busy,
    InUse,
    InvalidRequest,
    NotFound,
    OutOfCapacity,
    Unanswered,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volumes import Volumes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import (
    SYSTEM_CLOCK,
    Deadline,
    Pace,
)
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._cloud.test_waiting import FakeClock

from ..conftest import MINE
from ..fake_cloud import Failure, FakeCloud

PROPERTIES = {
    "platform": "x86_64",
    "os_type": "linux",
    "host": "node1",
    "ip": "192.0.2.11",
    "initiator": "iqn.2026-01.lab:node1",
    "multipath": False,
    "wwpns": ["50014380186b3f65", "50014380186b3f67"],
}
NODE = connector.encode(PROPERTIES)
OTHER = connector.encode({**PROPERTIES, "host": "node2"})
LIMIT = 3


@pytest.fixture
def attachments(cloud: FakeCloud) -> ConnectorAttachments:
    api = Api(lambda: cloud.cinder, "3.50")
    pace = Pace(first=0.001, second=0.001, growth=1.0)
    return ConnectorAttachments(Volumes(api, MINE), Attachments(api), MINE, LIMIT, pace=pace)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time that passes only while somebody waits."""
    clock = FakeClock()
    monkeypatch.setattr(SYSTEM_CLOCK, "now", clock.now)
    monkeypatch.setattr(SYSTEM_CLOCK, "sleep", clock.sleep)
    return clock


@pytest.fixture
def volume(cloud: FakeCloud) -> str:
    return str(cloud.add_volume(metadata=MINE)["id"])


def soon() -> Deadline:
    return Deadline.after(10)


def test_a_node_id_holds_what_a_back_end_needs() -> None:
    assert NODE.startswith("host=node1&ip=192.0.2.11&initiator=iqn.2026-01.lab:node1&wwpns=")
    read = connector.decode(NODE)
    assert {name: read[name] for name in PROPERTIES} == PROPERTIES


def test_an_ordinary_node_has_an_id() -> None:
    """Debian's initiator, an NVMe host as nvme-cli makes it, and a board with a UUID."""
    properties = {
        **PROPERTIES,
        "initiator": "iqn.1993-08.org.debian:01:abcdef012345",
        "nqn": "nqn.2014-08.org.nvmexpress:uuid:4c4c4544-0034-5a10-8057-b9c04f4e4d32",
        "system uuid": "4c4c4544-0034-5a10-8057-b9c04f4e4d32",
        "wwpns": [],
    }
    node_id = connector.encode(properties)
    assert len(node_id) <= 150
    read = connector.decode(node_id)
    assert (read["initiator"], read["nqn"]) == (properties["initiator"], properties["nqn"])


def test_another_platform_is_told() -> None:
    read = connector.decode(connector.encode({**PROPERTIES, "platform": "s390x"}))
    assert (read["platform"], read["os_type"]) == ("s390x", "linux")


def test_multipath_passes_through() -> None:
    read = connector.decode(connector.encode({**PROPERTIES, "multipath": True, "enforce_multipath": True}))
    assert (read["multipath"], read["enforce_multipath"]) == (True, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": ""}, "names no host"),
        ({"initiator": None, "wwpns": []}, "no way to storage"),
        ({"initiator": "iqn." + "x" * 200}, "Kubernetes keeps 192"),
    ],
)
def test_a_connector_that_can_be_no_node_id(change: dict[str, object], words: str) -> None:
    with pytest.raises(connector.BadConnector, match=words):
        connector.encode({**PROPERTIES, **change})


@pytest.mark.parametrize(
    "text", ["", "some-node", "7ac4a6ec-0000-4000-8000-000000000001", "host=a&evil=1", "host="]
)
def test_what_is_no_node_id(text: str) -> None:
    with pytest.raises(connector.BadConnector):
        connector.decode(text)


def test_a_volume_is_exported_to_the_node_that_cinder_then_names(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str
) -> None:
    for dummy in range(2):
        attached = attachments.attach(volume, NODE, soon())
        assert attached.node_ids() == [NODE]
    context = attachments.node_context(attached, NODE, soon())
    assert json.loads(context["connection"])["target_iqn"] == f"iqn.{volume}"
    assert cloud.calls.count("POST /attachments") == 1


def test_detaching_may_come_again(cloud: FakeCloud, attachments: ConnectorAttachments, volume: str) -> None:
    attachments.attach(volume, NODE, soon())
    for dummy in range(2):
        attachments.detach(volume, NODE, soon())
    assert cloud.volumes[volume]["status"] == "available"
    attachments.detach("gone", NODE, soon())


def test_another_node_is_refused_and_named(attachments: ConnectorAttachments, volume: str) -> None:
    attachments.attach(volume, NODE, soon())
    for attach in (attachments.attach, attachments.attach_shared):
        with pytest.raises(InUse, match="attached to host=node1&ip"):
            attach(volume, OTHER, soon())


def test_several_nodes_share_what_can_be_shared(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str
) -> None:
    cloud.volumes[volume]["multiattach"] = True
    attachments.attach_shared(volume, NODE, soon())
    with pytest.raises(InUse, match="one node at a time"):
        attachments.attach(volume, OTHER, soon())
    assert attachments.attach_shared(volume, OTHER, soon()).node_ids() == [NODE, OTHER]
    attachments.detach(volume, NODE, soon())
    assert cloud.volumes[volume]["status"] == "in-use"
    attachments.detach_everywhere(volume, soon())
    assert cloud.volumes[volume]["status"] == "available"


def test_what_a_hypervisor_should_encrypt_is_not_written_in_the_clear(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str
) -> None:
    cloud.volumes[volume]["encrypted"] = True
    for attach in (attachments.attach, attachments.attach_shared):
        with pytest.raises(InvalidRequest, match="of type fast, which the hypervisor encrypts"):
            attach(volume, NODE, soon())
    assert "POST /attachments" not in cloud.calls


def test_what_does_not_exist(attachments: ConnectorAttachments, volume: str) -> None:
    with pytest.raises(NotFound, match="some-node"):
        attachments.attach(volume, "some-node", soon())
    with pytest.raises(NotFound, match="volume gone"):
        attachments.attach("gone", NODE, soon())


def lose_an_attach(cloud: FakeCloud, attachments: ConnectorAttachments, volume: str) -> None:
    cloud.failures.append(Failure("POST /attachments", 504))
    with pytest.raises(Unanswered):
        attachments.attach(volume, NODE, soon())


def test_an_attach_that_may_still_come_is_not_detached_yet(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str, clock: FakeClock
) -> None:
    lose_an_attach(cloud, attachments, volume)
    with pytest.raises(Busy, match="was lost: it may still be carried out"):
        attachments.detach(volume, NODE, soon())
    attachments.detach(volume, OTHER, soon())
    clock.sleep(Patience().unanswered)
    attachments.detach(volume, NODE, soon())


def test_an_attach_that_came_after_all_is_detached_at_once(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str
) -> None:
    lose_an_attach(cloud, attachments, volume)
    cloud.cinder.request(
        "/attachments", "POST", json={"attachment": {"volume_uuid": volume, "connector": {}}}
    )
    for dummy in range(2):
        attachments.detach(volume, NODE, soon())
    assert cloud.volumes[volume]["half_made"] == []


@pytest.mark.parametrize("status", [500, 503])
def test_an_attachment_that_is_not_completed_is_given_back(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str, status: int
) -> None:
    cloud.failures.append(
        Failure(r"POST /attachments/.*/action", status, times=1, headers={"Retry-After": "999"})
    )
    with pytest.raises(Exception, match="no"):
        attachments.attach(volume, NODE, soon())
    assert cloud.volumes[volume]["status"] == "available"


def test_what_an_ended_driver_left_half_made_is_made_anew(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str
) -> None:
    cloud.cinder.request(
        "/attachments", "POST", json={"attachment": {"volume_uuid": volume, "connector": {}}}
    )
    assert attachments.attach(volume, NODE, soon()).node_ids() == [NODE]
    assert cloud.volumes[volume]["half_made"] == []


HELD = ["reserved", "attaching", "in-use", "detaching", "error_attaching", "error_detaching"]


@pytest.mark.parametrize("status", HELD)
@pytest.mark.parametrize("attach", [True, False])
def test_a_status_that_nobody_stands_behind_is_waited_out_and_set_right(
    cloud: FakeCloud,
    attachments: ConnectorAttachments,
    volume: str,
    clock: FakeClock,
    status: str,
    attach: bool,
) -> None:
    cloud.volumes[volume]["status"] = status
    if attach:
        assert attachments.attach(volume, NODE, soon()).node_ids() == [NODE]
    else:
        attachments.detach(volume, NODE, soon())
        assert cloud.volumes[volume]["status"] == "available"
    assert sum(clock.slept) == pytest.approx(Patience().half_made, abs=0.1)


@pytest.mark.parametrize("status", HELD)
def test_what_nobody_has_is_freed_for_its_deletion(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str, clock: FakeClock, status: str
) -> None:
    cloud.volumes[volume]["status"] = status
    if status in ("reserved", "attaching", "detaching"):
        with pytest.raises(Busy, match="may be attached by somebody in a moment"):
            attachments.free(volume, InUse("refused"), soon())
        clock.sleep(Patience().before_deletion)
    attachments.free(volume, InUse("refused"), soon())
    assert cloud.volumes[volume]["status"] == "available"


def test_what_was_begun_for_nobody_is_freed_for_its_deletion_after_a_minute(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str, clock: FakeClock
) -> None:
    body = {"attachment": {"volume_uuid": volume, "connector": {}}}
    cloud.cinder.request("/attachments", "POST", json=body)
    with pytest.raises(Busy, match="may be attached by somebody in a moment"):
        attachments.free(volume, InUse("refused"), soon())
    assert len(cloud.volumes[volume]["half_made"]) == 1
    clock.sleep(Patience().before_deletion)
    attachments.free(volume, InUse("refused"), soon())
    assert cloud.volumes[volume]["half_made"] == []
    assert cloud.volumes[volume]["status"] == "available"


def test_what_a_node_has_is_not_freed(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str
) -> None:
    attachments.attach(volume, NODE, soon())
    with pytest.raises(InUse, match="refused"):
        attachments.free(volume, InUse("refused"), soon())
    assert cloud.volumes[volume]["status"] == "in-use"
    attachments.free("gone", InUse("refused"), soon())


def test_a_status_that_changes_by_itself_is_not_set_right(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str, clock: FakeClock
) -> None:
    cloud.volumes[volume]["status"] = "detaching"
    cloud.later(cloud.volumes[volume], lambda volume: volume.update(status="available"))
    attachments.attach(volume, NODE, soon())
    assert f"POST /volumes/{volume}/action" not in cloud.calls
    assert sum(clock.slept) < 1


@pytest.mark.parametrize("status", HELD)
def test_what_is_held_and_of_somebody_else_is_left_alone(
    cloud: FakeCloud, attachments: ConnectorAttachments, volume: str, status: str
) -> None:
    cloud.volumes[volume].update(status=status, metadata={})
    with pytest.raises(InUse, match="not made by this driver for this cluster"):
        attachments.attach(volume, NODE, soon())
    attachments.detach(volume, NODE, soon())
    assert cloud.volumes[volume]["status"] == status


def test_a_node_that_has_all_that_it_may_have_is_given_no_more(
    cloud: FakeCloud, attachments: ConnectorAttachments
) -> None:
    volumes = [str(cloud.add_volume(metadata=MINE)["id"]) for dummy in range(LIMIT + 1)]
    for each in volumes[:LIMIT]:
        attachments.attach(each, NODE, soon())
    with pytest.raises(OutOfCapacity, match=f"may have {LIMIT}"):
        attachments.attach(volumes[LIMIT], NODE, soon())
    assert cloud.volumes[volumes[LIMIT]]["status"] == "available"
    # What it has, it has; another node has room; and the place of one that goes is another's.
    attachments.attach(volumes[0], NODE, soon())
    attachments.attach(volumes[LIMIT], OTHER, soon())
    attachments.detach(volumes[LIMIT], OTHER, soon())
    attachments.detach(volumes[0], NODE, soon())
    attachments.attach(volumes[LIMIT], NODE, soon())


def test_a_volume_that_is_gone_takes_no_place(cloud: FakeCloud, attachments: ConnectorAttachments) -> None:
    volumes = [str(cloud.add_volume(metadata=MINE)["id"]) for dummy in range(LIMIT + 1)]
    for each in volumes[:LIMIT]:
        attachments.attach(each, NODE, soon())
    del cloud.volumes[volumes[0]]
    attachments.detach(volumes[0], NODE, soon())
    attachments.attach(volumes[LIMIT], NODE, soon())
