# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a claim is ready, and what it waits for."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Failed
from ansible_collections.mooring.storage.plugins.module_utils._module.claim.readiness import (
    Readiness,
    holding_pods,
    readiness,
    using_pods,
)
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._module.claim.objects import (
    claim,
    pod,
    storage_class,
)

LATE = storage_class(volumeBindingMode="WaitForFirstConsumer")


def test_a_bound_claim_of_its_size_is_ready():
    assert readiness(claim(), storage_class(), []) == Readiness(ready=True, bound=True)


def test_a_pending_claim_waits_for_its_volume():
    assert readiness(claim("Pending"), storage_class(), []) == Readiness(False, False, "a volume")
    assert not readiness(claim("Pending"), None, []).ready


def test_a_class_that_binds_late_leaves_only_a_pod_to_wait_for():
    assert readiness(claim("Pending"), LATE, [pod(claim_name="other")]) == Readiness(
        True, False, "a pod that uses the claim"
    )


def test_with_its_pod_there_the_volume_is_waited_for():
    assert not readiness(claim("Pending"), LATE, [pod(phase="Pending", node=None)]).ready
    selected = claim("Pending")
    selected["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "node1"}
    assert not readiness(selected, LATE, []).ready


def test_a_growing_claim_is_not_ready():
    assert readiness(claim(size="2Gi"), storage_class(), []) == Readiness(
        False, True, "the volume to grow to 2Gi"
    )


def test_a_file_system_that_grows_when_mounted_needs_a_pod():
    found = claim(size="2Gi")
    found["status"]["conditions"] = [{"type": "FileSystemResizePending", "status": "True"}]
    assert readiness(found, storage_class(), []).ready
    assert "grow its file system" in readiness(found, storage_class(), []).waiting_for
    assert not readiness(found, storage_class(), [pod()]).ready


def test_a_volume_attributes_class_is_waited_for():
    found = claim(volumeAttributesClassName="gold")
    assert (
        readiness(found, storage_class(), []).waiting_for == "the volume to follow VolumeAttributesClass gold"
    )
    found["status"]["currentVolumeAttributesClassName"] = "gold"
    assert readiness(found, storage_class(), []).ready


def test_a_lost_claim_has_failed():
    with pytest.raises(Failed, match="its volume pv-1 is gone"):
        readiness(claim("Lost", volumeName="pv-1"), None, [])


def test_an_infeasible_expansion_has_failed_until_another_is_asked_for():
    found = claim(size="9Gi")
    found["status"]["allocatedResourceStatuses"] = {"storage": "ControllerResizeInfeasible"}
    found["status"]["allocatedResources"] = {"storage": "9Gi"}
    with pytest.raises(Failed, match=r"cannot grow to 9Gi \(ControllerResizeInfeasible\)"):
        readiness(found, storage_class(), [])
    found["spec"]["resources"]["requests"]["storage"] = "2Gi"
    assert not readiness(found, storage_class(), []).ready


def test_an_infeasible_class_has_failed_until_another_is_asked_for():
    found = claim(volumeAttributesClassName="gold")
    found["status"]["modifyVolumeStatus"] = {
        "status": "Infeasible",
        "targetVolumeAttributesClassName": "gold",
    }
    with pytest.raises(Failed, match="cannot follow VolumeAttributesClass gold"):
        readiness(found, storage_class(), [])
    found["spec"]["volumeAttributesClassName"] = "silver"
    assert not readiness(found, storage_class(), []).ready


def test_which_pods_use_a_claim_and_which_hold_it():
    ended, waiting, other = (
        pod("ended", "Succeeded"),
        pod("waiting", "Pending", None),
        pod("other", claim_name="x"),
    )
    pods = [pod(), ended, waiting, other]
    assert [each["metadata"]["name"] for each in using_pods(claim(), pods)] == ["web", "waiting"]
    assert [each["metadata"]["name"] for each in holding_pods(claim(), pods)] == ["web", "ended"]


def test_an_ephemeral_volume_is_a_use_of_its_claim():
    owner = {
        "metadata": {"name": "da"},
        "spec": {"volumes": [{"name": "ta", "ephemeral": {}}]},
        "status": {"phase": "Running"},
    }
    found = claim()
    found["metadata"]["name"] = "da-ta"
    assert using_pods(found, [owner]) == [owner]
