# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to a claim, from what is wanted and what is there."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Conflict, InvalidRequest
from ansible_collections.mooring.storage.plugins.module_utils._module.claim.plan import (
    Action,
    Desired,
    merged,
    patch_of,
    plan_absent,
    plan_present,
)
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._module.claim.objects import (
    OPTIONS,
    claim,
    storage_class,
)


def plan(found=None, of_class=None, **options):
    return plan_present(Desired.of({**OPTIONS, **options}), found, of_class)


def actions(made):
    return [change.action for change in made.changes]


def test_a_new_claim_has_what_was_asked_for():
    made = plan(
        size="2Gi",
        storage_class_name="",
        access_modes=["ReadWriteMany"],
        volume_mode="Block",
        volume_attributes_class_name="gold",
        data_source={"kind": "VolumeSnapshot", "name": "monday"},
        labels={"app": "shop", "gone": None},
        annotations={"replicas": 3},
    )
    assert actions(made) == [Action.CREATE]
    assert made.diff() == {
        "before": {},
        "after": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": "data",
                "namespace": "shop",
                "labels": {"app": "shop"},
                "annotations": {"replicas": "3"},
            },
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "2Gi"}},
                "storageClassName": "",
                "volumeMode": "Block",
                "dataSource": {
                    "kind": "VolumeSnapshot",
                    "name": "monday",
                    "apiGroup": "snapshot.storage.k8s.io",
                },
                "volumeAttributesClassName": "gold",
            },
        },
    }


def test_a_new_claim_leaves_to_the_cluster_what_was_not_asked_for():
    spec = plan(size="2Gi").diff()["after"]["spec"]
    assert spec == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}


def test_a_new_claim_needs_a_size():
    with pytest.raises(
        InvalidRequest, match=r"^size: claim shop/data does not exist, and a new one needs a size"
    ):
        plan()


def test_what_is_not_given_stays():
    made = plan(claim())
    assert not made.changed
    assert made.before == made.after


def test_equal_values_change_nothing():
    found = claim(accessModes=["ReadWriteOnce", "ReadOnlyMany"])
    same = {
        "size": "1024Mi",
        "storage_class_name": "fast",
        "volume_mode": "Filesystem",
        "access_modes": ["ReadOnlyMany", "ReadWriteOnce"],
        "labels": {"app": "shop", "other": None},
    }
    assert not plan(found, storage_class(), **same).changed


def test_all_changes_go_out_in_one_patch():
    made = plan(
        claim(),
        storage_class(),
        size="2Gi",
        labels={"app": None, "tier": "data"},
        annotations={"note": "x"},
        volume_attributes_class_name="gold",
    )
    assert actions(made) == [Action.LABEL, Action.ANNOTATE, Action.RESIZE, Action.MODIFY]
    assert patch_of(made) == {
        "metadata": {"labels": {"app": None, "tier": "data"}, "annotations": {"note": "x"}},
        "spec": {"resources": {"requests": {"storage": "2Gi"}}, "volumeAttributesClassName": "gold"},
    }
    assert made.diff()["before"]["metadata"]["labels"] == {"app": "shop"}
    assert made.diff()["after"]["metadata"]["labels"] == {"tier": "data"}
    assert made.diff()["after"]["spec"]["resources"]["requests"]["storage"] == "2Gi"


def test_a_change_holds_before_and_after():
    (change,) = plan(claim(), storage_class(), size="2Gi").changes
    assert change.before == {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    assert change.after == {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}


def test_a_claim_never_shrinks():
    with pytest.raises(InvalidRequest, match="has 1Gi and cannot shrink to 512Mi; ask for 1Gi or more"):
        plan(claim(), storage_class(), size="512Mi")


def test_an_expansion_that_did_not_come_about_can_be_taken_back_in_part():
    found = claim(size="9Gi")
    assert actions(plan(found, storage_class(), size="2Gi")) == [Action.RESIZE]
    with pytest.raises(InvalidRequest, match="cannot shrink to 1Gi; ask for more than 1Gi"):
        plan(found, storage_class(), size="1Gi")


@pytest.mark.parametrize(
    ("found", "of_class", "error", "message"),
    [
        (claim("Pending"), storage_class(), Conflict, "is Pending, and only a bound claim"),
        (
            claim(),
            storage_class(allowVolumeExpansion=False),
            InvalidRequest,
            "StorageClass fast does not allow",
        ),
        (claim(storageClassName=None), None, InvalidRequest, "it has no StorageClass"),
    ],
)
def test_growing_where_it_cannot(found, of_class, error, message):
    with pytest.raises(error, match=f"^size: claim shop/data .*{message}"):
        plan(found, of_class, size="2Gi")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"storage_class_name": "slow"}, "storage_class_name is 'fast', not 'slow'"),
        ({"access_modes": ["ReadWriteMany"]}, "access_modes is ReadWriteOnce, not ReadWriteMany"),
        ({"volume_mode": "Block"}, "volume_mode is 'Filesystem', not 'Block'"),
        ({"volume_name": "pv-2"}, "volume_name is 'pv-1', not 'pv-2'"),
        (
            {"data_source": {"kind": "PersistentVolumeClaim", "name": "other"}},
            "data_source is unset, not PersistentVolumeClaim other",
        ),
        (
            {"storage_class_name": "slow", "volume_mode": "Block"},
            "'fast', not 'slow'; volume_mode is 'Filesystem', not 'Block'",
        ),
    ],
)
def test_what_a_claim_never_changes_is_named_with_both_values(options, message):
    with pytest.raises(InvalidRequest, match=message):
        plan(claim(), storage_class(), **options)


def test_a_claim_that_goes_is_not_changed():
    found = claim()
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    with pytest.raises(Conflict, match="is being deleted"):
        plan(found, storage_class())
    assert not plan_absent(found).changed


def test_deleting():
    assert actions(plan_absent(claim())) == [Action.DELETE]
    assert not plan_absent(None).changed


@pytest.mark.parametrize("option", ["name", "namespace"])
@pytest.mark.parametrize("value", ["", "Data", "a/b", "-a", "a.", "../x", "a" * 254])
def test_what_cannot_be_a_name_is_refused(option, value):
    with pytest.raises(InvalidRequest, match=f"^{option}: .* cannot be a name"):
        Desired.of({**OPTIONS, option: value})


def test_a_merge_patch_removes_by_null():
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": {"f": 4}}, "d": [5]}) == {
        "a": {"c": 2, "e": {"f": 4}},
        "d": [5],
    }
