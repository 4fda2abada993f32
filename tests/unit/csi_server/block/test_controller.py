# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Controller service, from a gRPC client down to the requests that reach the cloud."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Busy
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline, Pace, wait_for
from ansible_collections.mooring.storage.tests.unit.csi_server import scraped

from ..conftest import MINE, Driver
from ..fake_cloud import Failure

GIB = 1024**3
Mode = csi.VolumeCapability.AccessMode


def capability(mode: Any = Mode.SINGLE_NODE_WRITER, block: bool = False) -> csi.VolumeCapability:
    access = (
        {"block": csi.VolumeCapability.BlockVolume()}
        if block
        else {"mount": csi.VolumeCapability.MountVolume()}
    )
    return csi.VolumeCapability(access_mode=csi.VolumeCapability.AccessMode(mode=mode), **access)


def create(driver: Driver, name: str = "pvc-1", size: int = GIB, **fields: Any) -> csi.Volume:
    request = csi.CreateVolumeRequest(
        name=name,
        capacity_range=csi.CapacityRange(required_bytes=size),
        volume_capabilities=[capability()],
        **fields,
    )
    return driver.controller.CreateVolume(request, timeout=10).volume


def begin_create(driver: Driver, name: str) -> Any:
    """A volume of ours whose creation nobody has waited for."""
    body = {"volume": {"name": name, "size": 1, "metadata": MINE}}
    return driver.cloud.cinder.request("/volumes", "POST", json=body).json()["volume"]


def publish(driver: Driver, volume: str, node: str) -> csi.ControllerPublishVolumeResponse:
    return driver.controller.ControllerPublishVolume(
        csi.ControllerPublishVolumeRequest(volume_id=volume, node_id=node, volume_capability=capability()),
        timeout=10,
    )


def refused(call: Any, code: grpc.StatusCode, *words: str) -> str:
    with pytest.raises(grpc.RpcError) as error:
        call()
    assert error.value.code() is code, error.value.details()
    for word in words:
        assert word in error.value.details()
    return error.value.details()


def test_one_life_of_a_volume_takes_nine_requests(driver: Driver) -> None:
    driver.cloud.steps = 0  # each wait finds its end at the first look, as in a cloud that is quick
    server = driver.cloud.add_server()
    volume = create(driver).volume_id
    publish(driver, volume, server)
    driver.controller.ControllerUnpublishVolume(
        csi.ControllerUnpublishVolumeRequest(volume_id=volume, node_id=server), timeout=10
    )
    driver.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume), timeout=10)
    assert driver.cloud.volumes == {}
    assert len(driver.cloud.calls) == 9, driver.cloud.calls


def test_create_waits_until_the_volume_is_available(driver: Driver) -> None:
    driver.cloud.steps = 3
    volume = create(driver, size=GIB + 1)
    assert driver.cloud.volumes[volume.volume_id]["status"] == "available"
    assert volume.capacity_bytes == 2 * GIB


def test_create_marks_the_volume_with_cluster_and_claim(driver: Driver) -> None:
    claim = {
        "csi.storage.k8s.io/pvc/name": "data",
        "csi.storage.k8s.io/pvc/namespace": "shop",
        "csi.storage.k8s.io/pv/name": "pvc-1",
    }
    volume = create(driver, parameters={"type": "slow", **claim})
    made = driver.cloud.volumes[volume.volume_id]
    assert made["metadata"] == {**claim, "cinder.csi.openstack.org/cluster": "test"}
    assert made["volume_type"] == "slow"


def test_an_encrypted_volume_tells_its_nodes_to_encrypt_it(driver: Driver) -> None:
    context = create(driver, parameters={"encrypted": "true"}).volume_context
    assert context["cinder.csi.openstack.org/encrypted"] == "true"
    assert not create(driver, name="pvc-2", parameters={"encrypted": "false"}).volume_context


def test_encryption_is_on_or_off(driver: Driver) -> None:
    code = grpc.StatusCode.INVALID_ARGUMENT
    refused(lambda: create(driver, parameters={"encrypted": "yes"}), code, "encrypted is 'yes'")


def test_an_encrypted_volume_has_one_writing_node(driver: Driver) -> None:
    request = csi.CreateVolumeRequest(
        name="pvc-1",
        volume_capabilities=[capability(Mode.MULTI_NODE_MULTI_WRITER, block=True)],
        parameters={"encrypted": "true"},
    )
    code = grpc.StatusCode.INVALID_ARGUMENT
    refused(lambda: driver.controller.CreateVolume(request, timeout=10), code, "not possible with encrypted")
    assert driver.cloud.volumes == {}


def test_create_again_returns_the_same_volume(driver: Driver) -> None:
    assert create(driver).volume_id == create(driver).volume_id
    assert len(driver.cloud.volumes) == 1


def test_create_after_a_lost_answer_adopts_the_volume(driver: Driver) -> None:
    begin_create(driver, "pvc-1")
    create(driver)
    assert len(driver.cloud.volumes) == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [({"size": 3 * GIB}, "size 1 GiB"), ({"parameters": {"type": "slow"}}, "type fast"),
     ({"parameters": {"availability": "az2"}}, "availability zone az1")],
)  # fmt: skip
def test_create_with_other_properties_is_a_conflict(
    driver: Driver, change: dict[str, Any], word: str
) -> None:
    create(driver)
    refused(lambda: create(driver, **change), grpc.StatusCode.ALREADY_EXISTS, word)
    assert len(driver.cloud.volumes) == 1


def test_create_never_touches_a_namesake_of_others(driver: Driver) -> None:
    theirs = driver.cloud.add_volume(name="pvc-1", metadata={"cinder.csi.openstack.org/cluster": "other"})
    refused(lambda: create(driver), grpc.StatusCode.ALREADY_EXISTS, theirs["id"])
    assert list(driver.cloud.volumes) == [theirs["id"]]


def test_a_volume_that_fails_leaves_its_reason_and_nothing_else(driver: Driver) -> None:
    driver.cloud.broken_types.add("nowhere")
    refused(
        lambda: create(driver, parameters={"type": "nowhere"}),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Could not find any available weighted backend",
    )
    assert not [v for v in driver.cloud.volumes.values() if v["status"] != "deleting"]


def test_a_lost_request_is_not_made_again_while_it_may_be_carried_out(driver: Driver) -> None:
    driver.cloud.failures.append(Failure("POST /volumes", 504))
    refused(lambda: create(driver), grpc.StatusCode.UNAVAILABLE)
    refused(lambda: create(driver), grpc.StatusCode.ABORTED, "may still be carried out")
    late = begin_create(driver, "pvc-1")
    assert create(driver).volume_id == late["id"]
    assert len(driver.cloud.volumes) == 1


def test_a_failed_volume_that_cannot_be_deleted_yet_is_asked_for_again(driver: Driver) -> None:
    driver.cloud.broken_types.add("nowhere")
    driver.cloud.failures.append(Failure("DELETE /volumes/.*", 500))
    # Any other status would tell the provisioner that nothing was left, and it would never ask again.
    refused(lambda: create(driver, parameters={"type": "nowhere"}), grpc.StatusCode.UNAVAILABLE, "no")
    refused(lambda: create(driver, parameters={"type": "nowhere"}), grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert driver.cloud.volumes == {}


def test_a_volume_that_recovers_is_not_given_up(driver: Driver) -> None:
    volume = driver.cloud.add_volume(
        name="pvc-1",
        metadata=MINE,
        status="error",
        next=[[2, lambda volume: volume.update(status="available")]],
    )
    refused(lambda: create(driver), grpc.StatusCode.UNAVAILABLE, "its status is now available")
    assert create(driver).volume_id == volume["id"]


@pytest.mark.parametrize("status", ["error_extending", "backing-up", "extending", "unheard-of"])
def test_a_volume_that_has_been_made_is_not_deleted_for_its_status(driver: Driver, status: str) -> None:
    volume = create(driver).volume_id
    driver.cloud.volumes[volume]["status"] = status
    refused(lambda: create(driver), grpc.StatusCode.ABORTED, volume, f"its status is {status}")
    assert f"DELETE /volumes/{volume}" not in driver.cloud.calls


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"tpye": "fast"}, ["tpye", "did you mean type"]), ({"typo": "7"}, ["typo", "did you mean type"]),
     ({"iops": "7"}, ["iops", "known are type, availability"]), ({"type": "none"}, ["Volume type", "none"]),
     ({"availability": "moon"}, ["moon", "known are az1, az2", "--zone-map"])],
)  # fmt: skip
def test_bad_parameters_are_named(driver: Driver, parameters: dict[str, str], words: list[str]) -> None:
    refused(lambda: create(driver, parameters=parameters), grpc.StatusCode.INVALID_ARGUMENT, *words)
    assert driver.cloud.volumes == {}


@pytest.mark.parametrize(
    "name",
    ["fsType", "fstype", "csiNodeStageSecretName", "csiProvisionerSecretNamespace", "allowVolumeExpansion"],
)
def test_what_the_provisioner_hands_on_from_its_early_days_is_passed_over(driver: Driver, name: str) -> None:
    volume = create(driver, parameters={name: "ext4", "type": "fast"})
    assert driver.cloud.volumes[volume.volume_id]["volume_type"] == "fast"


def test_a_volume_that_was_handed_out_is_not_deleted_for_an_error(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.volumes[volume]["status"] = "error"
    refused(lambda: create(driver), grpc.StatusCode.ABORTED, "was made before", "its status is error")
    driver.cloud.volumes[volume]["status"] = "available"
    assert create(driver).volume_id == volume


def test_a_size_over_the_quota_carries_cinders_words(driver: Driver) -> None:
    driver.cloud.max_gigabytes = 1
    refused(
        lambda: create(driver, size=2 * GIB),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "exceeds allowed gigabytes quota",
    )


def test_no_whole_gibibyte_in_the_range(driver: Driver) -> None:
    request = csi.CreateVolumeRequest(
        name="pvc-1",
        capacity_range=csi.CapacityRange(required_bytes=GIB + 1, limit_bytes=GIB + 2),
        volume_capabilities=[capability()],
    )
    refused(lambda: driver.controller.CreateVolume(request), grpc.StatusCode.OUT_OF_RANGE, "2 GiB")


def test_the_zone_that_the_scheduler_prefers(driver: Driver) -> None:
    key = "topology.cinder.csi.openstack.org/zone"
    topology = csi.TopologyRequirement(
        requisite=[csi.Topology(segments={key: zone}) for zone in ("az1", "az2")],
        preferred=[csi.Topology(segments={key: zone}) for zone in ("az2", "az1")],
    )
    volume = create(driver, accessibility_requirements=topology)
    assert driver.cloud.volumes[volume.volume_id]["availability_zone"] == "az2"
    assert [dict(each.segments) for each in volume.accessible_topology] == [{key: "az2"}]


def in_zone(zone: str) -> csi.TopologyRequirement:
    term = csi.Topology(segments={"topology.cinder.csi.openstack.org/zone": zone})
    return csi.TopologyRequirement(requisite=[term], preferred=[term])


def test_a_zone_that_cinder_does_not_have_has_the_scheduler_try_another(driver: Driver) -> None:
    refused(
        lambda: create(driver, accessibility_requirements=in_zone("moon")),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "moon",
        "known are az1, az2",
    )
    assert driver.cloud.volumes == {}


def test_a_volume_that_cinder_puts_into_another_zone_is_not_kept(driver: Driver) -> None:
    driver.cloud.fallback_zone = "az1"
    refused(
        lambda: create(driver, accessibility_requirements=in_zone("moon")),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "availability zone az1 instead of moon",
    )
    refused(
        lambda: create(driver, parameters={"availability": "moon"}),
        grpc.StatusCode.INVALID_ARGUMENT,
        "availability zone az1 instead of moon",
    )
    assert driver.cloud.volumes == {}


def test_publish_tells_the_node_what_to_look_for(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver, size=2 * GIB).volume_id
    context = dict(publish(driver, volume, server).publish_context)
    assert context == {"DevicePath": "/dev/vdb", "size": str(2 * GIB), "serial": volume}
    begun = len(driver.cloud.calls)
    assert dict(publish(driver, volume, server).publish_context) == context
    assert driver.cloud.calls[begun:] == []


def test_publish_finds_what_an_earlier_process_attached(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    driver.cloud.nova.request(
        f"/servers/{server}/os-volume_attachments", "POST", json={"volumeAttachment": {"volumeId": volume}}
    )
    driver.cloud.cinder.request(f"/volumes/{volume}", "GET")
    assert publish(driver, volume, server).publish_context["serial"] == volume


def test_publish_that_fails_in_cinder_tells_cinders_reason(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    driver.cloud.messages.append(
        {"resource_uuid": volume, "user_message": "attach volume:The array is full."}
    )
    driver.cloud.later = lambda volume, change: volume.update(status="error_attaching")  # type: ignore[method-assign]
    refused(lambda: publish(driver, volume, server), grpc.StatusCode.INTERNAL, "The array is full.")


def test_publish_after_unpublish_attaches_again(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    for dummy in range(2):
        publish(driver, volume, server)
        unpublish(driver, volume, server)
    publish(driver, volume, server)
    assert driver.cloud.volumes[volume]["status"] == "in-use"


def test_publish_waits_for_a_volume_that_is_still_being_created(driver: Driver) -> None:
    server = driver.cloud.add_server()
    driver.cloud.steps = 2
    made = begin_create(driver, "pvc-1")
    publish(driver, made["id"], server)
    assert driver.cloud.volumes[made["id"]]["status"] == "in-use"


def test_publish_to_a_second_node_names_the_first(driver: Driver) -> None:
    first, second, volume = driver.cloud.add_server(), driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, first)
    refused(lambda: publish(driver, volume, second), grpc.StatusCode.FAILED_PRECONDITION, first)


def test_publish_of_what_does_not_exist(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    refused(lambda: publish(driver, volume, "gone"), grpc.StatusCode.NOT_FOUND, "server gone")
    refused(lambda: publish(driver, "gone", server), grpc.StatusCode.NOT_FOUND, "volume gone")


def test_a_full_node_is_resource_exhausted(driver: Driver) -> None:
    driver.cloud.max_devices = 0
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    refused(lambda: publish(driver, volume, server), grpc.StatusCode.RESOURCE_EXHAUSTED, "disk devices")


def unpublish(driver: Driver, volume: str, node: str) -> None:
    driver.controller.ControllerUnpublishVolume(
        csi.ControllerUnpublishVolumeRequest(volume_id=volume, node_id=node), timeout=10
    )


@pytest.mark.parametrize("named", [True, False])
def test_unpublish_waits_and_may_come_again(driver: Driver, named: bool) -> None:
    driver.cloud.steps = 2
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, server)
    unpublish(driver, volume, server if named else "")
    assert driver.cloud.volumes[volume]["status"] == "available"
    begun = len(driver.cloud.calls)
    unpublish(driver, volume, server)
    assert driver.cloud.calls[begun:] == []
    unpublish(driver, "gone", server)


def test_unpublish_frees_a_volume_from_a_server_that_is_gone(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, server)
    driver.cloud.servers.pop(server)
    unpublish(driver, volume, server)
    assert driver.cloud.volumes[volume]["attachments"] == []


def test_unpublish_from_a_server_whose_hypervisor_is_down_says_what_to_do(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, server)
    said = "Service is unavailable at this time."
    driver.cloud.failures.append(Failure("DELETE /servers/.*", 409, times=2, message=said))
    refused(
        lambda: unpublish(driver, volume, server),
        grpc.StatusCode.FAILED_PRECONDITION,
        said,
        "evacuated or deleted the server",
    )
    assert driver.cloud.volumes[volume]["status"] == "in-use"


@pytest.mark.parametrize("status", ["reserved", "error_attaching", "error_detaching", "attaching"])
def test_publish_repairs_a_volume_that_nobody_holds(driver: Driver, status: str) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    driver.cloud.volumes[volume].update(status=status)
    publish(driver, volume, server)
    assert driver.cloud.volumes[volume]["status"] == "in-use"


def test_publish_takes_the_volume_from_a_server_that_is_gone(driver: Driver) -> None:
    first, second, volume = driver.cloud.add_server(), driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, first)
    driver.cloud.servers.pop(first)
    publish(driver, volume, second)
    assert [a["server_id"] for a in driver.cloud.volumes[volume]["attachments"]] == [second]


def test_publish_removes_a_reservation_that_nobody_uses(driver: Driver) -> None:
    first, second, volume = driver.cloud.add_server(), driver.cloud.add_server(), create(driver).volume_id
    half = {"id": "half", "instance": first, "status": "reserved"}
    driver.cloud.volumes[volume].update(status="reserved", half_made=[half])
    publish(driver, volume, second)
    assert driver.cloud.volumes[volume]["half_made"] == []


def test_publish_of_a_volume_in_error_says_what_to_do(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    driver.cloud.volumes[volume].update(status="error")
    refused(
        lambda: publish(driver, volume, server),
        grpc.StatusCode.FAILED_PRECONDITION,
        f"openstack volume set --state available {volume}",
    )


@pytest.mark.parametrize("status", ["error", "error_detaching", "available", "detaching"])
def test_unpublish_follows_the_attachment_not_the_status(driver: Driver, status: str) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, server)
    driver.cloud.volumes[volume].update(status=status)
    unpublish(driver, volume, server)
    assert driver.cloud.servers[server] == set()
    assert driver.cloud.volumes[volume]["status"] == "available"


def test_delete_waits_and_may_come_again(driver: Driver) -> None:
    driver.cloud.steps = 2
    volume = create(driver).volume_id
    for dummy in range(2):
        driver.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume), timeout=10)
    assert driver.cloud.volumes == {}


def test_delete_waits_for_a_volume_that_is_still_being_created(driver: Driver) -> None:
    driver.cloud.steps = 2
    driver.cloud.cinder.request("/volumes", "POST", json={"volume": {"name": "x", "size": 1, "metadata": {}}})
    driver.controller.DeleteVolume(
        csi.DeleteVolumeRequest(volume_id=next(iter(driver.cloud.volumes))), timeout=10
    )
    assert driver.cloud.volumes == {}


def test_delete_of_an_attached_volume_names_the_server(driver: Driver) -> None:
    server, volume = driver.cloud.add_server(), create(driver).volume_id
    publish(driver, volume, server)
    request = csi.DeleteVolumeRequest(volume_id=volume)
    refused(lambda: driver.controller.DeleteVolume(request), grpc.StatusCode.FAILED_PRECONDITION, server)
    assert driver.cloud.volumes[volume]["status"] == "in-use"


@pytest.mark.parametrize("status", ["in-use", "error_attaching", "error_detaching"])
def test_delete_of_a_volume_that_nobody_has(driver: Driver, status: str) -> None:
    volume = create(driver).volume_id
    driver.cloud.volumes[volume]["status"] = status
    driver.controller.DeleteVolume(csi.DeleteVolumeRequest(volume_id=volume), timeout=10)
    assert driver.cloud.volumes == {}


def test_delete_of_a_volume_that_somebody_may_be_about_to_attach(driver: Driver) -> None:
    volume = create(driver).volume_id
    driver.cloud.volumes[volume]["status"] = "reserved"
    request = csi.DeleteVolumeRequest(volume_id=volume)
    refused(lambda: driver.controller.DeleteVolume(request), grpc.StatusCode.ABORTED, "in a moment")
    assert driver.cloud.volumes[volume]["status"] == "reserved"


def test_validate_confirms_what_it_was_asked(driver: Driver) -> None:
    volume = create(driver).volume_id
    request = csi.ValidateVolumeCapabilitiesRequest(
        volume_id=volume, volume_capabilities=[capability()], parameters={"type": "fast"}
    )
    confirmed = driver.controller.ValidateVolumeCapabilities(request).confirmed
    assert list(confirmed.volume_capabilities) == [capability()]
    assert dict(confirmed.parameters) == {"type": "fast"}


def test_the_same_name_twice_at_once_is_aborted(driver: Driver) -> None:
    with driver.locks.hold("name pvc-1"):
        refused(lambda: create(driver), grpc.StatusCode.ABORTED, "pvc-1")
    create(driver)


def test_many_at_once_share_their_looks(driver: Driver) -> None:
    driver.cloud.steps = 10**9  # until they are let go
    names = [f"pvc-{n}" for n in range(6)]
    with ThreadPoolExecutor(len(names)) as pool:
        made = [pool.submit(create, driver, name) for name in names]
        eventually(lambda: len(driver.cloud.volumes) == len(names))
        begun = len(driver.cloud.calls)
        eventually(lambda: driver.cloud.calls[begun:].count("GET /volumes/detail") >= 2)
        for volume in driver.cloud.volumes.values():
            volume.update(status="available", next=[])
        assert len({each.result().volume_id for each in made}) == len(names)
    looks = driver.cloud.calls[begun:]
    assert looks.count("GET /volumes/detail") > len(looks) / 2


def eventually(true: Callable[[], bool]) -> None:
    """Fail when it does not become true within ten seconds."""
    wait_for(
        lambda: true() or None,
        "the test's condition",
        Deadline.after(10),
        Pace(first=0.01, second=0.01, growth=1.0),
    )


def test_nothing_is_made_for_a_caller_that_has_gone(driver: Driver) -> None:
    """Another controller may work in its place, and make the same volume."""
    driver.cloud.failures.append(Failure("GET /volumes/detail", 503, headers={"Retry-After": "60"}))
    request = csi.CreateVolumeRequest(name="pvc-1", volume_capabilities=[capability()])
    call = driver.controller.CreateVolume.future(request, timeout=120)
    eventually(lambda: bool(driver.cloud.calls))
    call.cancel()

    def ended() -> bool:
        try:
            with driver.locks.hold("name pvc-1"):
                return True
        except Busy:
            return False

    eventually(ended)
    assert [each for each in driver.cloud.calls if each.startswith("POST")] == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_request_that_the_service_wants_again_is_sent_again(driver: Driver, status: int) -> None:
    driver.cloud.failures.append(Failure("POST /volumes", status, headers={"Retry-After": "0"}))
    create(driver)
    assert len(driver.cloud.volumes) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, grpc.StatusCode.UNAVAILABLE), (403, grpc.StatusCode.PERMISSION_DENIED),
     (401, grpc.StatusCode.UNAVAILABLE)],
)  # fmt: skip
def test_an_error_is_never_taken_for_absence(driver: Driver, status: int, code: grpc.StatusCode) -> None:
    create(driver)
    driver.cloud.failures.append(Failure("GET /volumes/detail", status, message="the words of Cinder"))
    refused(lambda: create(driver), code, "the words of Cinder")
    assert len(driver.cloud.volumes) == 1


def test_a_timeout_keeps_the_volume_for_the_next_call(driver: Driver) -> None:
    driver.cloud.steps = 10**9
    request = csi.CreateVolumeRequest(name="pvc-1", volume_capabilities=[capability()])
    with pytest.raises(grpc.RpcError) as error:
        driver.controller.CreateVolume(request, timeout=2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    made = next(iter(driver.cloud.volumes.values()))
    made.update(status="available", next=[])
    assert create(driver).volume_id == made["id"]


def test_each_rpc_is_counted_by_its_status(driver: Driver) -> None:
    create(driver)
    refused(lambda: create(driver, name=""), grpc.StatusCode.INVALID_ARGUMENT, "name is missing")

    def counted(code: str) -> float | None:
        labels = {"method": "CreateVolume", "code": code}
        return scraped.value(driver.metrics, "csi_rpc_duration_seconds_count", labels)

    assert counted("OK") == counted("INVALID_ARGUMENT") == 1
