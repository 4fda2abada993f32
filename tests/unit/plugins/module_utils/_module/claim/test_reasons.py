# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a claim is not what was asked for."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._module.claim.reasons import (
    Surroundings,
    hopeless,
    reasons,
    sentence,
    told,
)
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._module.claim.objects import (
    claim,
    default_class,
    event,
    pod,
    storage_class,
    volume,
)

DRIVER = {"metadata": {"name": "driver.example"}}


def around(found, classes=(), volumes=(), drivers=(DRIVER,), pods=()):
    return Surroundings(found, classes=classes, volumes=volumes, drivers=drivers, pods=pods)


def test_a_class_that_does_not_exist_is_hopeless():
    found = around(claim("Pending", storageClassName="fats"), classes=[storage_class()])
    assert hopeless(found) == "storage_class_name: there is no StorageClass 'fats'; the cluster has: fast"


def test_no_class_and_no_default_is_hopeless():
    found = claim("Pending", storageClassName=None)
    assert "no default StorageClass; give one of: fast" in str(
        hopeless(around(found, classes=[storage_class()]))
    )
    assert hopeless(around(found, classes=[default_class()])) is None


@pytest.mark.parametrize("class_name", [None, "manual"])
def test_a_volume_that_fits_is_hope(class_name):
    found = claim("Pending", storageClassName=class_name)
    fitting = volume(class_name=class_name or "")
    assert hopeless(around(found, volumes=[fitting])) is None
    for unfit in (
        volume(class_name="other"),
        volume(class_name=class_name or "", phase="Released"),
        volume(class_name=class_name or "", size="1Mi"),
    ):
        assert hopeless(around(found, volumes=[unfit]))


def test_what_may_not_be_read_is_not_taken_for_absent():
    found = Surroundings(claim("Pending", storageClassName="fats"))
    assert hopeless(found) is None
    assert reasons(found) == []


def test_a_bound_claim_has_hope():
    assert hopeless(around(claim(storageClassName="deleted-since"))) is None


def test_a_missing_driver_is_named():
    found = around(claim("Pending"), classes=[storage_class()], drivers=())
    assert reasons(found) == [
        "StorageClass fast: the cluster has no CSIDriver 'driver.example'; install it, if it is one of CSI"
    ]


def test_a_class_that_waits_for_a_pod_is_named():
    late = storage_class(volumeBindingMode="WaitForFirstConsumer")
    assert reasons(around(claim("Pending"), classes=[late])) == [
        "StorageClass fast waits for a pod that uses the claim"
    ]


def test_a_pod_that_cannot_be_scheduled_is_named():
    unscheduled = pod(phase="Pending", node=None)
    unscheduled["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}
    ]
    assert reasons(around(claim("Pending"), classes=[storage_class()], pods=[unscheduled])) == [
        "pod web is not scheduled: 0/2 nodes"
    ]


def test_volumes_made_by_hand():
    without = around(claim("Pending", storageClassName=""), volumes=[volume(size="1Mi")])
    assert reasons(without) == [
        "no PersistentVolume without a StorageClass is available for it (1Gi, ReadWriteOnce)"
    ]
    named = claim("Pending", storageClassName="", volumeName="pv-9")
    assert reasons(around(named)) == ["volume_name: there is no PersistentVolume 'pv-9'"]
    taken = volume("pv-9", phase="Bound")
    assert reasons(around(named, volumes=[taken])) == ["PersistentVolume pv-9 is Bound"]


def test_the_claims_own_conditions_are_told():
    found = claim(size="9Gi")
    found["status"]["conditions"] = [
        {"type": "ControllerResizeError", "status": "True", "message": "over quota"},
        {"type": "Resizing", "status": "True"},
    ]
    assert reasons(around(found)) == ["ControllerResizeError: over quota"]


def test_equal_events_are_told_once_newest_first():
    events = told(
        [
            event("ProvisioningFailed", "over quota", "2026-01-01T00:00:01Z", count=3),
            event("Provisioning", "starts", "2026-01-01T00:00:02Z"),
            event("ProvisioningFailed", "over quota", "2026-01-01T00:00:03Z"),
        ]
    )
    assert [(each["reason"], each["count"]) for each in events] == [
        ("ProvisioningFailed", 4),
        ("Provisioning", 1),
    ]
    assert events[0]["last_seen"] == "2026-01-01T00:00:03Z"


def test_events_that_differ_in_ids_alone_are_told_once_in_the_newest_words():
    first, second = "0ed99ca5-b067-4f4f-b2e7-456e78a78b89", "5c40ee9b-13c6-45e1-b5ef-b1c292ae8ba7"
    events = told(
        [
            event("ProvisioningFailed", f"over quota (request req-{first})", "2026-01-01T00:00:01Z"),
            event("ProvisioningFailed", f"over quota (request req-{second})", "2026-01-01T00:00:02Z"),
            event("ProvisioningFailed", "no room", "2026-01-01T00:00:00Z"),
        ]
    )
    assert [(each["message"], each["count"]) for each in events] == [
        (f"over quota (request req-{second})", 2),
        ("no room", 1),
    ]


def test_warnings_go_before_other_events():
    events = told([event("Provisioning", "starts"), event("ProvisioningFailed", "over quota.")])
    assert sentence("it is not ready", ["no driver"], events) == (
        "it is not ready. no driver. ProvisioningFailed (1 times): over quota"
    )
    assert sentence("it", [], told([event("Provisioning", "starts")])) == "it. Provisioning (1 times): starts"
