# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to a QoS spec, from what is wanted and what is there."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Conflict, InvalidRequest
from ansible_collections.mooring.storage.plugins.module_utils._cloud.qos_specs import QosSpec
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume_types import VolumeTypeRef
from ansible_collections.mooring.storage.plugins.module_utils._module.plan import Change
from ansible_collections.mooring.storage.plugins.module_utils._module.qos_spec.plan import (
    Action,
    Desired,
    Observed,
    TypeCatalogue,
    find,
    plan_absent,
    plan_present,
)

FAST = VolumeTypeRef("id-of-fast", "fast")
SLOW = VolumeTypeRef("id-of-slow", "slow")
TYPES = TypeCatalogue(known=(FAST, SLOW))
GOLD = QosSpec("id-of-gold", "gold", "back-end", {"total_iops_sec": "500", "total_bytes_sec": "1000"})


def params(**options):
    return {"name": "gold", "consumer": None, "specs": None, "volume_types": None, **options}


def actions(plan):
    return [change.action for change in plan.changes]


def test_a_missing_one_is_created_then_associated():
    desired = Desired("gold", "both", {"total_iops_sec": "500"}, ["slow", "fast"])
    plan = plan_present(desired, None, TYPES)
    assert actions(plan) == [Action.CREATE, Action.ASSOCIATE, Action.ASSOCIATE]
    assert plan.before is None
    assert plan.after == {
        "id": None,
        "name": "gold",
        "consumer": "both",
        "specs": {"total_iops_sec": "500"},
        "volume_types": [{"id": "id-of-fast", "name": "fast"}, {"id": "id-of-slow", "name": "slow"}],
    }


def test_a_new_one_without_a_consumer_gets_cinders_own():
    assert plan_present(Desired("gold"), None, TYPES).diff()["after"]["consumer"] == "back-end"


def test_what_is_not_given_stays():
    plan = plan_present(Desired("gold"), Observed(GOLD, (FAST,)), TypeCatalogue())
    assert not plan.changed
    assert plan.before == plan.after


def test_equal_properties_change_nothing():
    desired = Desired("gold", "back-end", dict(GOLD.specs), ["id-of-fast"])
    assert not plan_present(desired, Observed(GOLD, (FAST,)), TYPES).changed


def test_each_difference_is_one_change_with_before_and_after():
    desired = Desired("gold", "both", {"total_iops_sec": "600", "size_iops_sec": "8"}, ["slow"])
    plan = plan_present(desired, Observed(GOLD, (FAST,)), TYPES)
    assert plan.changes == (
        Change(Action.SET_CONSUMER, "back-end", "both"),
        Change(
            Action.SET_KEYS,
            {"total_iops_sec": "500", "size_iops_sec": None},
            {"total_iops_sec": "600", "size_iops_sec": "8"},
        ),
        Change(Action.UNSET_KEYS, {"total_bytes_sec": "1000"}, None),
        Change(Action.DISASSOCIATE, FAST, None),
        Change(Action.ASSOCIATE, None, SLOW),
    )
    assert plan.diff()["after"]["specs"] == {"total_iops_sec": "600", "size_iops_sec": "8"}


def test_empty_collections_remove_all():
    plan = plan_present(Desired("gold", specs={}, volume_types=[]), Observed(GOLD, (FAST,)), TypeCatalogue())
    assert actions(plan) == [Action.UNSET_KEYS, Action.DISASSOCIATE]


def test_a_type_given_twice_is_associated_once():
    plan = plan_present(Desired("gold", volume_types=["fast", "id-of-fast"]), Observed(GOLD), TYPES)
    assert actions(plan) == [Action.ASSOCIATE]


def test_an_unknown_type_is_named_with_the_known_ones():
    with pytest.raises(
        InvalidRequest, match=r"volume_types: no volume type 'fats'; the cloud has: fast, slow"
    ):
        plan_present(Desired("gold", volume_types=["fats"]), None, TYPES)


def test_a_type_that_uses_another_spec_is_not_taken_from_it():
    types = TypeCatalogue(known=(FAST,), users={FAST.id: "silver"})
    with pytest.raises(Conflict, match="volume type fast uses QoS spec silver"):
        plan_present(Desired("gold", volume_types=["fast"]), Observed(GOLD), types)


def test_deleting_what_is_not_there_changes_nothing():
    plan = plan_absent(None, force=False)
    assert not plan.changed
    assert plan.diff() == {"before": {}, "after": {}}


def test_one_in_use_is_deleted_by_force_only():
    with pytest.raises(Conflict, match="in use by volume types fast"):
        plan_absent(Observed(GOLD, (FAST,)), force=False)
    assert actions(plan_absent(Observed(GOLD, (FAST,)), force=True)) == [Action.DELETE]


def test_an_id_goes_before_a_name():
    namesake = QosSpec("gold", "silver", "both", {})
    assert find([GOLD, namesake], "gold") is namesake
    assert find([GOLD, namesake], "id-of-gold") is GOLD
    assert find([GOLD], "bronze") is None


def test_namesakes_need_an_id():
    with pytest.raises(Conflict, match="2 QoS specs are named gold"):
        find([GOLD, QosSpec("other", "gold", "both", {})], "gold")


def test_values_become_text_and_null_unsets():
    desired = Desired.of(params(specs={"iops": 500, "ratio": 1.5, "burst": True, "gone": None}))
    assert desired.specs == {"iops": "500", "ratio": "1.5", "burst": "true"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": " gold"}, "name: ' gold' cannot be"),
        ({"name": ""}, "name: '' cannot be"),
        ({"specs": {"iops": [1]}}, r"specs.iops: \[1\] is a list; give a string"),
        ({"specs": {"consumer": "both"}}, "specs.consumer: Cinder keeps this key"),
        ({"specs": {"a=b": "c"}}, "specs: 'a=b' cannot be a key"),
        ({"specs": {"a": "x" * 256}}, "specs.a: 256 characters are too many"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(InvalidRequest, match=message):
        Desired.of(params(**options))
