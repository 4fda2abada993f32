# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which access a volume is made for, and which nodes get it at the same time."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block.published import Published
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Conflict

from ..conftest import Driver
from .test_controller import Mode, capability, refused, unpublish

Code = grpc.StatusCode
SHARED = [
    capability(Mode.MULTI_NODE_MULTI_WRITER, block=True),
    capability(Mode.MULTI_NODE_SINGLE_WRITER, block=True),
    capability(Mode.MULTI_NODE_READER_ONLY, block=True),
    capability(Mode.MULTI_NODE_READER_ONLY),
]
ALONE = [
    capability(Mode.SINGLE_NODE_WRITER),
    capability(Mode.SINGLE_NODE_SINGLE_WRITER),
    capability(Mode.SINGLE_NODE_MULTI_WRITER),
    capability(Mode.SINGLE_NODE_READER_ONLY),
]


def create(driver: Driver, *capabilities: csi.VolumeCapability, **parameters: str) -> str:
    request = csi.CreateVolumeRequest(name="pvc-1", volume_capabilities=capabilities, parameters=parameters)
    return str(driver.controller.CreateVolume(request, timeout=10).volume.volume_id)


def publish(
    driver: Driver, volume: str, node: str, wanted: csi.VolumeCapability, readonly: bool = False
) -> dict[str, str]:
    request = csi.ControllerPublishVolumeRequest(
        volume_id=volume, node_id=node, volume_capability=wanted, readonly=readonly
    )
    return dict(driver.controller.ControllerPublishVolume(request, timeout=10).publish_context)


def holders(driver: Driver, volume: str) -> set[str]:
    return {attachment["server_id"] for attachment in driver.cloud.volumes[volume]["attachments"]}


def validate(driver: Driver, volume: str, wanted: csi.VolumeCapability) -> Any:
    request = csi.ValidateVolumeCapabilitiesRequest(volume_id=volume, volume_capabilities=[wanted])
    return driver.controller.ValidateVolumeCapabilities(request, timeout=10)


@pytest.mark.parametrize("mode", [Mode.MULTI_NODE_MULTI_WRITER, Mode.MULTI_NODE_SINGLE_WRITER])
def test_no_filesystem_is_for_several_writers(driver: Driver, mode: Any) -> None:
    refused(
        lambda: create(driver, capability(), capability(mode), type="multi"),
        Code.INVALID_ARGUMENT,
        Mode.Mode.Name(mode),
        "corrupted",
        "Manila",
    )
    assert driver.cloud.calls == []


@pytest.mark.parametrize("mode", [Mode.UNKNOWN, 77])
def test_an_access_mode_that_is_none(driver: Driver, mode: Any) -> None:
    refused(lambda: create(driver, capability(mode)), Code.INVALID_ARGUMENT, "access mode")


@pytest.mark.parametrize("wanted", SHARED)
def test_volumes_for_several_nodes_are_of_multiattach_types(
    driver: Driver, wanted: csi.VolumeCapability
) -> None:
    words = ("volume type fast", "multiattach='<is> True'")
    refused(lambda: create(driver, wanted, type="fast"), Code.INVALID_ARGUMENT, *words)
    assert "POST /volumes" not in driver.cloud.calls
    assert driver.cloud.volumes[create(driver, wanted, type="multi")]["multiattach"]


def test_the_default_type_is_asked_before_anything_is_made(driver: Driver) -> None:
    refused(lambda: create(driver, SHARED[0]), Code.INVALID_ARGUMENT, "the default volume type")
    assert "POST /volumes" not in driver.cloud.calls


@pytest.mark.parametrize("type_", [{"type": "fast"}, {}])
def test_a_type_that_does_not_tell_is_tried_and_leaves_nothing(driver: Driver, type_: dict[str, str]) -> None:
    driver.cloud.extra_specs_shown = False
    refused(lambda: create(driver, SHARED[0], **type_), Code.INVALID_ARGUMENT, "multiattach='<is> True'")
    assert not [v for v in driver.cloud.volumes.values() if v["status"] != "deleting"]
    assert "POST /volumes" in driver.cloud.calls


def test_a_clone_has_the_type_of_its_source(driver: Driver) -> None:
    source = create(driver, SHARED[0], type="multi")
    clone = driver.controller.CreateVolume(
        csi.CreateVolumeRequest(
            name="pvc-2",
            volume_capabilities=[SHARED[0]],
            volume_content_source=csi.VolumeContentSource(
                volume=csi.VolumeContentSource.VolumeSource(volume_id=source)
            ),
        ),
        timeout=10,
    )
    assert driver.cloud.volumes[clone.volume.volume_id]["multiattach"]


def test_a_type_may_be_named_by_its_id(driver: Driver) -> None:
    refused(lambda: create(driver, SHARED[0], type="id-of-fast"), Code.INVALID_ARGUMENT, "id-of-fast")
    assert "POST /volumes" not in driver.cloud.calls


def test_the_volume_of_an_earlier_call_is_for_one_node(driver: Driver) -> None:
    volume = create(driver, capability())
    refused(lambda: create(driver, SHARED[0]), Code.ALREADY_EXISTS, volume, "to one node at a time")


def test_a_volume_for_one_node_costs_no_look_at_its_type(driver: Driver) -> None:
    create(driver, *ALONE, type="fast")
    assert "GET /types" not in driver.cloud.calls


def test_validate_answers_for_the_volume(driver: Driver) -> None:
    single, multi = driver.cloud.add_volume()["id"], driver.cloud.add_volume(multiattach=True)["id"]
    for wanted in SHARED:
        assert validate(driver, multi, wanted).HasField("confirmed")
        answer = validate(driver, single, wanted)
        assert not answer.HasField("confirmed")
        assert Mode.Mode.Name(wanted.access_mode.mode) in answer.message
    for wanted in ALONE:
        assert validate(driver, multi, wanted).HasField("confirmed")
        assert validate(driver, single, wanted).HasField("confirmed")
    assert "corrupted" in validate(driver, multi, capability(Mode.MULTI_NODE_MULTI_WRITER)).message


def test_validate_knows_that_nodes_encrypt_a_volume(driver: Driver) -> None:
    request = csi.ValidateVolumeCapabilitiesRequest(
        volume_id=driver.cloud.add_volume(multiattach=True)["id"],
        volume_context={"cinder.csi.openstack.org/encrypted": "true"},
        volume_capabilities=[capability(Mode.MULTI_NODE_MULTI_WRITER, block=True)],
    )
    answer = driver.controller.ValidateVolumeCapabilities(request)
    assert not answer.HasField("confirmed")
    assert "not possible with encrypted volumes" in answer.message


@pytest.mark.parametrize("wanted", SHARED)
def test_several_nodes_have_a_volume_at_once(driver: Driver, wanted: csi.VolumeCapability) -> None:
    volume = driver.cloud.add_volume(multiattach=True)["id"]
    nodes = {driver.cloud.add_server() for dummy in range(3)}
    for node in nodes:
        publish(driver, volume, node, wanted)
    assert holders(driver, volume) == nodes
    for node in nodes:
        unpublish(driver, volume, node)
    assert driver.cloud.volumes[volume]["status"] == "available"


@pytest.mark.parametrize("wanted", [*ALONE, capability(Mode.MULTI_NODE_MULTI_WRITER)])
@pytest.mark.parametrize("multiattach", [True, False])
def test_one_node_has_a_volume_whatever_its_type_allows(
    driver: Driver, wanted: csi.VolumeCapability, multiattach: bool
) -> None:
    volume = driver.cloud.add_volume(multiattach=multiattach)["id"]
    first, second = driver.cloud.add_server(), driver.cloud.add_server()
    publish(driver, volume, first, wanted)
    refused(lambda: publish(driver, volume, second, wanted), Code.FAILED_PRECONDITION, first)
    assert holders(driver, volume) == {first}


def test_one_node_for_what_several_have(driver: Driver) -> None:
    volume = driver.cloud.add_volume(multiattach=True)["id"]
    first, second = driver.cloud.add_server(), driver.cloud.add_server()
    for node in (first, second):
        publish(driver, volume, node, SHARED[0])
    refused(lambda: publish(driver, volume, second, ALONE[0]), Code.FAILED_PRECONDITION, first)


def test_a_volume_that_others_made_for_many_still_gets_to_one_node(driver: Driver) -> None:
    volume = driver.cloud.add_volume()["id"]
    first, second = driver.cloud.add_server(), driver.cloud.add_server()
    publish(driver, volume, first, capability(Mode.MULTI_NODE_READER_ONLY))
    refused(
        lambda: publish(driver, volume, second, capability(Mode.MULTI_NODE_READER_ONLY)),
        Code.FAILED_PRECONDITION,
        "one server only",
        first,
    )


def test_read_only_reaches_the_node_and_stays_what_it_is(driver: Driver) -> None:
    volume, server = driver.cloud.add_volume()["id"], driver.cloud.add_server()
    for dummy in range(2):
        assert publish(driver, volume, server, ALONE[0], readonly=True)["readonly"] == "true"
    refused(lambda: publish(driver, volume, server, ALONE[0]), Code.ALREADY_EXISTS, server, "reading only")
    unpublish(driver, volume, server)
    assert "readonly" not in publish(driver, volume, server, ALONE[0])


def test_an_attachment_that_another_process_made_anew_agrees_with_everything() -> None:
    published = Published()
    published.agree("volume", "node", "first", read_only=True)
    published.agree("volume", "node", "second", read_only=False)
    with pytest.raises(Conflict, match="for reading and writing already"):
        published.agree("volume", "node", "second", read_only=True)
    published.forget("volume", "")
    published.agree("volume", "node", "second", read_only=True)
