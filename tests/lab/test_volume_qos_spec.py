# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules volume_qos_spec and volume_qos_spec_info against the lab's Cinder."""

from __future__ import annotations

import json
import uuid

import pytest
import yaml

from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB, lab_cloud
from ansible_collections.mooring.storage.tests.lab.playing import Player, TaskFailed

CLOUDS = LAB / "etc" / "clouds.yaml"
MODULE = "volume_qos_spec"
INFO = "volume_qos_spec_info"


@pytest.fixture
def cinder():
    """Cinder's own API, as the administrator."""
    with lab_cloud("admin") as connection:
        yield connection.block_storage


@pytest.fixture
def types(cinder):
    """Two volume types, one of them private, for the QoS specs to be used by."""
    made = [
        cinder.create_type(name=f"qos-{uuid.uuid4().hex[:8]}", is_public=public) for public in (True, False)
    ]
    yield made
    for each in made:
        cinder.delete_type(each)


@pytest.fixture
def name(cinder, types):
    """A free name; what bears it at the end is removed, before the volume types are."""
    free = f"gold-{uuid.uuid4().hex[:8]}"
    yield free
    for spec in listed(cinder):
        if spec["name"].startswith(free):
            cinder.delete(f"/qos-specs/{spec['id']}", params={"force": "true"}).raise_for_status()


@pytest.fixture
def play(tmp_path):
    return Player(tmp_path, {"OS_CLIENT_CONFIG_FILE": str(CLOUDS)}, cloud="admin")


def listed(cinder):
    return cinder.get("/qos-specs").json()["qos_specs"]


def named(cinder, name):
    return next((spec for spec in listed(cinder) if spec["name"] == name), None)


def users(cinder, spec_id):
    answer = cinder.get(f"/qos-specs/{spec_id}/associations").json()
    return {each["name"] for each in answer["qos_associations"]}


def test_required_options_are_named(play):
    with pytest.raises(TaskFailed, match="missing required arguments: name"):
        play(MODULE)


def test_from_nothing_to_a_qos_spec_and_back(cinder, types, name, play):
    public, private = (each.name for each in types)
    wanted = {
        "name": name,
        "consumer": "front-end",
        "specs": {"total_iops_sec": 500, "total_bytes_sec": "1000000"},
        "volume_types": [private],
    }
    predicted = play(MODULE, check=True, **wanted)
    assert predicted["changed"]
    assert predicted["volume_qos_spec"]["id"] is None
    assert named(cinder, name) is None

    created = play(MODULE, **wanted)
    made = created["volume_qos_spec"]
    assert created["changed"]
    assert created["diff"] == {"before": {}, "after": predicted["volume_qos_spec"]}
    assert made == {**predicted["volume_qos_spec"], "id": made["id"]}
    assert named(cinder, name) == {
        "id": made["id"],
        "name": name,
        "consumer": "front-end",
        "specs": {"total_iops_sec": "500", "total_bytes_sec": "1000000"},
    }
    assert users(cinder, made["id"]) == {private}

    for check in (True, False):
        again = play(MODULE, check=check, **wanted)
        assert not again["changed"]
        assert again["volume_qos_spec"] == made
    assert play(INFO, name=name)["volume_qos_specs"] == [made]

    change = {
        "name": made["id"],
        "consumer": "both",
        "specs": {"total_iops_sec": 600, "size_iops_sec": 8},
        "volume_types": [types[0].id],
    }
    updated = play(MODULE, **change)
    assert updated["changed"]
    assert updated["diff"]["before"] == made
    assert updated["diff"]["after"] == updated["volume_qos_spec"]
    assert named(cinder, name) == {
        "id": made["id"],
        "name": name,
        "consumer": "both",
        "specs": {"total_iops_sec": "600", "size_iops_sec": "8"},
    }
    assert users(cinder, made["id"]) == {public}
    assert not play(MODULE, **change)["changed"]

    with pytest.raises(TaskFailed, match=f"in use by volume types {public}"):
        play(MODULE, name=name, state="absent")
    assert play(MODULE, check=True, name=name, state="absent", force=True)["changed"]
    assert named(cinder, name) is not None
    deleted = play(MODULE, name=name, state="absent", force=True)
    assert deleted["changed"]
    assert deleted["diff"]["after"] == {}
    assert named(cinder, name) is None
    assert not play(MODULE, name=name, state="absent")["changed"]
    assert play(INFO, name=name)["volume_qos_specs"] == []


def test_all_keys_can_go(cinder, name, play):
    play(MODULE, name=name, specs={"total_iops_sec": 500})
    assert play(MODULE, name=name, specs={})["changed"]
    assert named(cinder, name)["specs"] == {}
    assert named(cinder, name)["consumer"] == "back-end"


def test_a_volume_type_is_not_taken_from_another_qos_spec(cinder, types, name, play):
    volume_type = types[0].name
    play(MODULE, name=f"{name}-other", volume_types=[volume_type])
    with pytest.raises(TaskFailed, match=f"volume type {volume_type} uses QoS spec {name}-other"):
        play(MODULE, check=True, name=name, volume_types=[volume_type])


def test_a_volume_type_that_does_not_exist_leaves_nothing_behind(cinder, name, play):
    with pytest.raises(TaskFailed, match="volume_types: no volume type 'no-such'; the cloud has: "):
        play(MODULE, name=name, volume_types=["no-such"])
    assert named(cinder, name) is None


def test_who_is_no_administrator_is_told_so(tmp_path):
    play = Player(tmp_path, {"OS_CLIENT_CONFIG_FILE": str(CLOUDS)}, cloud="demo")
    for module in (MODULE, INFO):
        with pytest.raises(TaskFailed, match=r"cannot list QoS specs: .*HTTP 403") as failed:
            play(module, name="gold")
        assert failed.value.result["request_id"].startswith("req-")


def test_a_wrong_password_is_one_error(tmp_path, play):
    clouds = yaml.safe_load(CLOUDS.read_text())
    clouds["clouds"]["admin"]["auth"]["password"] = "wrong"
    broken = tmp_path / "clouds.yaml"
    broken.write_text(json.dumps(clouds))
    with pytest.raises(TaskFailed, match="HTTP 401") as failed:
        Player(tmp_path, {"OS_CLIENT_CONFIG_FILE": str(broken)}, cloud="admin")(INFO)
    assert "wrong" not in failed.value.result["msg"]


def test_without_a_cloud_name(tmp_path):
    """As AWX hands over a credential of OpenStack: a file with one cloud, whose name no playbook knows."""
    clouds = yaml.safe_load(CLOUDS.read_text())
    alone = tmp_path / "clouds.yaml"
    alone.write_text(json.dumps({"clouds": {"devstack": clouds["clouds"]["admin"]}}))
    found = Player(tmp_path, {"OS_CLIENT_CONFIG_FILE": str(alone)})(INFO, name="no-such")
    assert found["volume_qos_specs"] == []
