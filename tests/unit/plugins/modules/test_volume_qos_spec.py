# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules volume_qos_spec and volume_qos_spec_info, whole, against a server that speaks Cinder's API."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.modules import volume_qos_spec, volume_qos_spec_info
from ansible_collections.mooring.storage.tests.unit.plugins.modules.module_run import ModuleFailed, Runner

WANTED = {"name": "gold", "consumer": "front-end", "specs": {"total_iops_sec": 500}, "volume_types": ["fast"]}


@pytest.fixture
def run(cinder, capsys):
    cinder.add_type("fast")
    cinder.add_type("slow")
    return Runner(capsys, cloud=cinder.cloud)


def test_the_name_is_required(run):
    with pytest.raises(ModuleFailed, match="missing required arguments: name"):
        run(volume_qos_spec)


def test_check_mode_predicts_and_changes_nothing(cinder, run):
    result = run(volume_qos_spec, check=True, **WANTED)
    assert result["changed"]
    assert result["volume_qos_spec"]["id"] is None
    assert result["volume_qos_spec"]["specs"] == {"total_iops_sec": "500"}
    assert cinder.writes == []


def test_created_then_left_alone(cinder, run):
    predicted = run(volume_qos_spec, check=True, **WANTED)["volume_qos_spec"]
    result = run(volume_qos_spec, **WANTED)
    made = result["volume_qos_spec"]
    assert result["changed"]
    assert result["diff"] == {"before": {}, "after": predicted}
    assert made == {**predicted, "id": made["id"]}
    assert cinder.specs[made["id"]]["specs"] == {"total_iops_sec": "500"}

    cinder.writes.clear()
    for check in (True, False):
        again = run(volume_qos_spec, check=check, **WANTED)
        assert not again["changed"]
        assert again["volume_qos_spec"] == made
    assert cinder.writes == []


def test_updated_with_its_diff(cinder, run):
    run(volume_qos_spec, **WANTED)
    change = {"name": "gold", "specs": {"read_iops_sec": 5}, "volume_types": ["slow"]}
    result = run(volume_qos_spec, **change)
    assert result["changed"]
    assert result["diff"]["before"]["specs"] == {"total_iops_sec": "500"}
    assert result["diff"]["after"]["specs"] == {"read_iops_sec": "5"}
    (kept,) = cinder.specs.values()
    assert (kept["consumer"], kept["specs"]) == ("front-end", {"read_iops_sec": "5"})
    assert [cinder.types[key] for key in cinder.uses] == ["slow"]
    assert not run(volume_qos_spec, **change)["changed"]


def test_deleted_once(cinder, run):
    run(volume_qos_spec, **{**WANTED, "volume_types": []})
    assert run(volume_qos_spec, check=True, name="gold", state="absent")["changed"]
    assert len(cinder.specs) == 1
    result = run(volume_qos_spec, name="gold", state="absent")
    assert result["changed"]
    assert result["diff"]["after"] == {}
    assert "volume_qos_spec" not in result
    assert cinder.specs == {}
    assert not run(volume_qos_spec, name="gold", state="absent")["changed"]


def test_one_in_use_is_deleted_by_force_only(cinder, run):
    run(volume_qos_spec, **WANTED)
    with pytest.raises(ModuleFailed, match="in use by volume types fast"):
        run(volume_qos_spec, name="gold", state="absent")
    assert run(volume_qos_spec, name="gold", state="absent", force=True)["changed"]
    assert cinder.specs == {}


def test_a_refusal_is_one_error_with_the_request_id(cinder, run):
    cinder.broken = (403, "Policy doesn't allow it")
    for module in (volume_qos_spec, volume_qos_spec_info):
        with pytest.raises(ModuleFailed, match="Policy doesn't allow it") as refused:
            run(module, name="gold")
        assert refused.value.result["request_id"] == "req-of-the-test"


def test_info_lists_all_or_one_or_none(cinder, run):
    assert run(volume_qos_spec_info)["volume_qos_specs"] == []
    made = run(volume_qos_spec, **WANTED)["volume_qos_spec"]
    cinder.add_spec("bronze", {})
    everything = run(volume_qos_spec_info, check=True)
    assert not everything["changed"]
    assert [spec["name"] for spec in everything["volume_qos_specs"]] == ["bronze", "gold"]
    for key in ("name", "id"):
        assert run(volume_qos_spec_info, name=made[key])["volume_qos_specs"] == [made]
    assert run(volume_qos_spec_info, name="silver")["volume_qos_specs"] == []
