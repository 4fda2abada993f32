# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A claim, kept: created, waited for, grown, deleted, with a cluster that plays its part."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    Failed,
    Forbidden,
    InvalidRequest,
    QuotaExceeded,
)
from ansible_collections.mooring.storage.plugins.module_utils._module.claim.resource import (
    PersistentVolumeClaim,
)
from ansible_collections.mooring.storage.plugins.module_utils._module.cluster import Cluster
from ansible_collections.mooring.storage.plugins.module_utils._module.face import ExplainedError
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._module.api_server import (
    ApiServer,
    Refused,
)
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._module.claim.objects import (
    OPTIONS,
    claim,
    event,
    pod,
    storage_class,
)

CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims"
PATH = f"{CLAIMS}/data"
PODS = "/api/v1/namespaces/shop/pods"
EVENTS = "/api/v1/namespaces/shop/events"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
DRIVERS = "/apis/storage.k8s.io/v1/csidrivers"


class FastClock:
    """A clock on which a sleep takes no time."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


@pytest.fixture
def server():
    made = ApiServer()
    made.objects[f"{CLASSES}/fast"] = storage_class()
    made.objects[f"{DRIVERS}/driver.example"] = {"metadata": {"name": "driver.example"}}
    return made


@pytest.fixture
def kept(server):
    def keep(**options):
        return PersistentVolumeClaim(Cluster(lambda: server), {**OPTIONS, **options}, FastClock())

    return keep


@pytest.fixture
def apply(kept):
    def run(**options):
        resource = kept(**options)
        plan = resource.plan()
        return plan.changed, resource.applied(plan)

    return run


def becomes(server, reads, **changed):
    """After that many reads the claim is as given."""
    left = iter(range(reads))

    def controller():
        if PATH in server.objects and next(left, None) is None:
            server.objects[PATH] = {**server.objects[PATH], **changed}

    server.controller = controller


def bound(**fields):
    return {
        "spec": {**claim()["spec"], **fields},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
    }


def test_a_created_claim_is_waited_for(server, apply):
    becomes(server, 4, **bound())
    server.objects[f"{EVENTS}/e1"] = event("ProvisioningSucceeded", "done")
    changed, facts = apply(size="1Gi", storage_class_name="fast")
    assert changed
    assert (facts["phase"], facts["volume_name"], facts["capacity"]) == ("Bound", "pv-1", "1Gi")
    assert facts["waiting_for"] == ""
    assert [each["reason"] for each in facts["events"]] == ["ProvisioningSucceeded"]
    assert server.writes == [("post", CLAIMS)]


def test_without_wait_it_is_only_created(server, apply):
    changed, facts = apply(size="1Gi", storage_class_name="fast", wait=False)
    assert changed
    assert (facts["phase"], facts["volume_name"]) == ("Pending", None)


def test_a_prediction_writes_nothing(server, kept):
    resource = kept(size="1Gi")
    plan = resource.plan()
    assert plan.changed
    assert resource.predicted(plan)["claim"]["spec"]["resources"]["requests"]["storage"] == "1Gi"
    assert server.writes == []


def test_a_claim_that_is_right_is_left_alone(server, apply):
    server.objects[PATH] = claim()
    changed, facts = apply(size="1Gi", storage_class_name="fast")
    assert not changed
    assert facts["volume_name"] == "pv-1"
    assert server.writes == []


def test_a_class_that_binds_late_is_reported_not_waited_for(server, apply):
    server.objects[f"{CLASSES}/fast"] = storage_class(volumeBindingMode="WaitForFirstConsumer")
    changed, facts = apply(size="1Gi", storage_class_name="fast")
    assert changed
    assert (facts["phase"], facts["waiting_for"]) == ("Pending", "a pod that uses the claim")


def test_bound_waits_for_the_first_consumer_too(server, apply):
    server.objects[f"{CLASSES}/fast"] = storage_class(volumeBindingMode="WaitForFirstConsumer")
    with pytest.raises(ExplainedError, match="StorageClass fast waits for a pod that uses the claim"):
        apply(size="1Gi", storage_class_name="fast", wait_for="bound")


def test_a_pending_claim_says_what_the_driver_said(server, apply):
    server.objects[f"{EVENTS}/e1"] = event("ProvisioningFailed", "over quota: 5 GiB asked, 1 left")
    with pytest.raises(ExplainedError) as raised:
        apply(size="1Gi", storage_class_name="fast")
    assert raised.value.message == (
        "claim shop/data is Pending, and not ready after 60 seconds."
        " ProvisioningFailed (1 times): over quota: 5 GiB asked, 1 left"
    )
    assert raised.value.facts["events"][0]["reason"] == "ProvisioningFailed"


def test_a_class_that_does_not_exist_is_told_at_once(server, apply):
    server.objects[f"{CLASSES}/slow"] = storage_class("slow")
    with pytest.raises(ExplainedError) as raised:
        apply(size="1Gi", storage_class_name="fats")
    assert raised.value.message == (
        "claim shop/data is Pending, and stays so."
        " storage_class_name: there is no StorageClass 'fats'; the cluster has: fast, slow"
    )


def test_a_quota_of_the_namespace_is_told_in_the_servers_words(server, apply):
    server.refusals[CLAIMS] = Refused(403, "forbidden: exceeded quota: storage, requested: 5Gi")
    with pytest.raises(QuotaExceeded, match="exceeded quota: storage, requested: 5Gi"):
        apply(size="5Gi")
    assert PATH not in server.objects


def test_growing_is_waited_for(server, apply):
    server.objects[PATH] = claim()
    becomes(server, 5, status={"phase": "Bound", "capacity": {"storage": "2Gi"}})
    changed, facts = apply(size="2Gi")
    assert changed
    assert facts["capacity"] == "2Gi"
    assert server.writes == [("patch", PATH)]


def test_a_volume_that_does_not_grow_says_why(server, apply):
    server.objects[PATH] = claim()
    conditions = [{"type": "ControllerResizeError", "status": "True", "message": "over quota"}]
    becomes(
        server,
        3,
        status={"phase": "Bound", "capacity": {"storage": "1Gi"}, "conditions": conditions},
    )
    with pytest.raises(ExplainedError, match=r"is Bound, and not ready .* ControllerResizeError: over quota"):
        apply(size="2Gi")


def test_an_api_server_that_restarts_is_waited_for(server, apply):
    server.objects[PATH] = claim(size="2Gi")
    reads = iter(range(100))

    def controller():
        match next(reads):
            case 4 | 5:
                raise Refused(503, "starting")
            case 8:
                server.objects[PATH]["status"]["capacity"]["storage"] = "2Gi"

    server.controller = controller
    assert apply(size="2Gi")[1]["capacity"] == "2Gi"


def test_a_claim_that_is_deleted_meanwhile_is_not_waited_for(server, apply):
    becomes(server, 3, metadata={**claim()["metadata"], "uid": "another"})
    with pytest.raises(Failed, match="was deleted by something else"):
        apply(size="1Gi", storage_class_name="fast")


def test_deleted_and_gone(server, apply):
    server.objects[PATH] = claim()
    assert apply(state="absent") == (True, {})
    assert PATH not in server.objects
    assert apply(state="absent") == (False, {})
    assert server.writes == [("delete", PATH)]


def test_a_claim_in_use_says_which_pods_hold_it(server, apply):
    server.objects[PATH] = claim()
    server.objects[PATH]["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection"]
    server.objects[f"{PODS}/web"] = pod()
    server.objects[f"{PODS}/other"] = pod("other", claim_name="x")
    with pytest.raises(
        ExplainedError, match="still there after 60 seconds: pods use it: web; delete"
    ) as raised:
        apply(state="absent")
    assert raised.value.facts["pods"] == ["web"]


def test_another_finalizer_is_named(server, apply):
    server.objects[PATH] = claim()
    server.objects[PATH]["metadata"]["finalizers"] = ["example.org/keep"]
    with pytest.raises(ExplainedError, match=r"its finalizers: example\.org/keep"):
        apply(state="absent")


def test_a_new_claim_of_the_same_name_does_not_keep_the_old_one_waiting(server, apply):
    server.objects[PATH] = claim()
    server.objects[PATH]["metadata"]["finalizers"] = ["example.org/keep"]
    becomes(server, 2, metadata={**claim()["metadata"], "uid": "another"})
    assert apply(state="absent")[0]


def test_a_credential_for_the_namespace_alone_is_enough(server, apply):
    server.objects[PATH] = claim()
    for path in (f"{CLASSES}/fast", CLASSES, DRIVERS, "/api/v1/persistentvolumes", PODS, EVENTS):
        server.refusals[path] = Refused(403, "forbidden")
    becomes(server, 3, status={"phase": "Bound", "capacity": {"storage": "2Gi"}})
    changed, facts = apply(size="2Gi")
    assert changed
    assert (facts["capacity"], facts["events"]) == ("2Gi", [])


def test_a_refusal_is_never_taken_for_absence(server, kept):
    server.refusals[PATH] = Refused(403, "forbidden")
    for state in ("present", "absent"):
        with pytest.raises(Forbidden):
            kept(state=state, size="1Gi").plan()


def test_a_shrinking_claim_is_refused_before_anything_is_written(server, kept):
    server.objects[PATH] = claim()
    with pytest.raises(InvalidRequest, match="cannot shrink"):
        kept(size="1Mi").plan()
    assert server.writes == []
