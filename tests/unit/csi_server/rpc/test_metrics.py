# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted, and that no load makes more series than there are kinds of things."""

from __future__ import annotations

import re
from functools import partial

import grpc
import pytest
from prometheus_client.samples import Sample

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.rpc.exposition import openmetrics
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics, Parts, exemplar
from ansible_collections.mooring.storage.csi_server.rpc.observer import CloudObserver
from ansible_collections.mooring.storage.csi_server.rpc.readiness import Readiness
from ansible_collections.mooring.storage.plugins.module_utils._cloud import errors
from ansible_collections.mooring.storage.plugins.module_utils._cloud.observing import Call
from ansible_collections.mooring.storage.tests.unit.csi_server import scraped
from ansible_collections.mooring.storage.tests.unit.csi_server.conftest import Driver
from ansible_collections.mooring.storage.tests.unit.csi_server.fake_cloud import Failure

METHODS = {method.name for service in csi.DESCRIPTOR.services_by_name.values() for method in service.methods}
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
WORD = re.compile(r"[a-z]+(_[a-z]+)*")
#: For each label, what its values may be: a set, or the shape of a word that stands in the source.
BOUNDED: dict[str, set[str] | re.Pattern[str]] = {
    "method": METHODS,
    "code": {code.name for code in grpc.StatusCode},
    "request": WORD,
    "error": ERRORS,
    "status": {"429", "503"},
    "target": WORD,
    "outcome": ERRORS | {"reached"},
    "part": WORD,
    "le": re.compile(r"[0-9.]+|[+]Inf"),
}


def samples(metrics: Metrics) -> list[Sample]:
    return [each for each in scraped.samples(metrics) if not each.name.startswith(("csi_build", "process_"))]


def bounded(name: str, value: str) -> bool:
    allowed = BOUNDED[name]
    return value in allowed if isinstance(allowed, set) else bool(allowed.fullmatch(value))


def live(driver: Driver, name: str) -> None:
    """One life of a volume, with a busy cloud and a few refusals in between."""
    cloud, stub = driver.cloud, driver.controller
    capability = csi.VolumeCapability(
        mount=csi.VolumeCapability.MountVolume(),
        access_mode=csi.VolumeCapability.AccessMode(
            mode=csi.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER
        ),
    )
    cloud.failures.append(Failure("POST /volumes", 503, headers={"Retry-After": "0"}))
    made = stub.CreateVolume(csi.CreateVolumeRequest(name=name, volume_capabilities=[capability])).volume
    publish = csi.ControllerPublishVolumeRequest(
        volume_id=made.volume_id, node_id=cloud.add_server(), volume_capability=capability
    )
    stub.ControllerPublishVolume(publish)
    with pytest.raises(grpc.RpcError):
        stub.DeleteVolume(csi.DeleteVolumeRequest(volume_id=made.volume_id))
    stub.ControllerUnpublishVolume(
        csi.ControllerUnpublishVolumeRequest(volume_id=made.volume_id, node_id=publish.node_id)
    )
    stub.DeleteVolume(csi.DeleteVolumeRequest(volume_id=made.volume_id))
    with pytest.raises(grpc.RpcError):
        stub.ControllerPublishVolume(publish)


def test_labels_have_few_values_whatever_the_load_is(driver: Driver) -> None:
    live(driver, "pvc-first")
    series = len(samples(driver.metrics))
    for number in range(5):
        live(driver, f"pvc-{number}")
    found = samples(driver.metrics)
    assert len(found) == series
    assert [
        (sample.name, sample.labels)
        for sample in found
        if not all(bounded(name, value) for name, value in sample.labels.items())
    ] == []


def test_names_follow_the_conventions() -> None:
    for metric in Metrics().collect():
        if metric.name.startswith("process_"):
            continue
        assert re.fullmatch(r"(csi|openstack_api)_[a-z_]+", metric.name)
        assert metric.help.endswith(".")
        assert (metric.kind == "histogram") == metric.name.endswith("_seconds")


def test_an_unknown_method_makes_no_series(driver: Driver) -> None:
    channel_call = driver.channel.unary_unary("/csi.v1.Controller/NoSuchMethod-0a1b")
    with pytest.raises(grpc.RpcError):
        channel_call(b"")
    assert "NoSuchMethod" not in str(samples(driver.metrics))


def test_requests_waits_and_retries_of_a_life(driver: Driver) -> None:
    live(driver, "pvc-1")
    value = partial(scraped.value, driver.metrics)
    # One answered, and the busy one.
    assert value("openstack_api_requests_total", {"request": "volume_create"}) == 2
    assert value("openstack_api_request_errors_total", {"request": "volume_create"}) == 1
    assert (
        value("openstack_api_request_failures_total", {"request": "volume_create", "error": "Unavailable"})
        == 1
    )
    retried = {"request": "volume_create", "status": "503"}
    assert value("openstack_api_request_retries_total", retried) == 1
    assert value("openstack_api_request_duration_seconds_count", {"request": "volume_attach"}) == 2
    assert value("openstack_api_requests_in_flight", {"request": "volume_create"}) == 0
    waited = {"target": "steady", "outcome": "reached"}
    assert value("csi_wait_duration_seconds_count", waited) == 4
    assert (value("csi_wait_looks_total", {"target": "steady"}) or 0) >= 4


def test_a_wait_in_vain_has_its_error_as_outcome(driver: Driver) -> None:
    driver.cloud.broken_types.add("broken")
    request = csi.CreateVolumeRequest(
        name="pvc-1",
        parameters={"type": "broken"},
        volume_capabilities=[
            csi.VolumeCapability(
                block=csi.VolumeCapability.BlockVolume(),
                access_mode=csi.VolumeCapability.AccessMode(
                    mode=csi.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER
                ),
            )
        ],
    )
    with pytest.raises(grpc.RpcError):
        driver.controller.CreateVolume(request)
    waited = {"target": "steady", "outcome": "OutOfCapacity"}
    assert scraped.value(driver.metrics, "csi_wait_duration_seconds_count", waited) == 1


def test_exemplars_lead_from_a_figure_to_the_log(driver: Driver) -> None:
    live(driver, "pvc-exemplary")
    lines = openmetrics(driver.metrics.collect()).decode().splitlines()
    created = [line for line in lines if 'method="CreateVolume"' in line]
    assert any('# {object="pvc-exemplary"}' in line for line in created)
    asked = [line for line in lines if line.startswith("openstack_api_request_duration_seconds_bucket")]
    assert any('# {request_id="req-' in line for line in asked)


def test_what_has_no_room_is_no_exemplar() -> None:
    assert exemplar({"request_id": ""}) is None
    assert exemplar({"object": "x" * 122}) == {"object": "x" * 122}
    assert exemplar({"object": "x" * 123}) is None


def test_a_renewed_token_is_a_request_like_others() -> None:
    metrics = Metrics()
    observer = CloudObserver(metrics)
    observer.begins("token_create")
    value = partial(scraped.value, metrics)
    assert value("openstack_api_requests_in_flight", {"request": "token_create"}) == 1
    observer.ends(Call("token_create", 0.2, "req-1", "Forbidden"))
    assert value("openstack_api_requests_in_flight", {"request": "token_create"}) == 0
    assert value("openstack_api_request_errors_total", {"request": "token_create"}) == 1


def test_parts_are_shown_as_they_are_now() -> None:
    metrics, readiness = Metrics(), Readiness()
    metrics.watch(Parts(readiness))

    def ready(part: str) -> float | None:
        return scraped.value(metrics, "csi_ready", {"part": part})

    assert ready("cloud") is None
    readiness.lacks("cloud", "Keystone does not answer")
    assert ready("cloud") == 0
    readiness.has("cloud")
    assert ready("cloud") == 1


def test_what_runs_is_told() -> None:
    metrics = Metrics()
    metrics.describe("a.driver", "1.2.3")
    (info,) = [family for family in metrics.collect() if family.name == "csi_build"]
    assert (info.samples[0].labels["driver"], info.samples[0].labels["version"]) == ("a.driver", "1.2.3")
