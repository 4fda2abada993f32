# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role takes is what driver and module know, and none of it is dropped on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ansible_collections.mooring.storage.csi_server.block import (
    group_snapshot_parameters,
    mutable_parameters,
    parameters,
    snapshot_parameters,
)
from ansible_collections.mooring.storage.plugins.modules.persistent_volume_claim import ARGUMENT_SPEC

ROLE = Path(__file__).resolve().parents[4] / "roles" / "csi_storage"
TAKEN_BY_THE_MODULE = ARGUMENT_SPEC.keys() - AUTH_ARG_SPEC.keys()


def read(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


VARIABLES = read("vars/main.yml")
SPEC = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def test_a_claim_has_the_options_of_the_module():
    options = SPEC["csi_storage_claims"]["options"]
    assert options.keys() == TAKEN_BY_THE_MODULE
    for name, option in options.items():
        module = ARGUMENT_SPEC[name]
        assert option["type"] == module.get("type", "str"), name
        assert option.get("choices") == module.get("choices"), name


def test_every_option_of_a_claim_reaches_the_module():
    (task,) = (task for task in read("tasks/main.yml") if "mooring.storage.persistent_volume_claim" in task)
    assert task["mooring.storage.persistent_volume_claim"].keys() == TAKEN_BY_THE_MODULE


def test_an_unknown_option_of_a_claim_is_refused(cluster):
    ran = cluster.run("csi_storage", csi_storage_claims=[{"name": "data", "data_sorce": {}}])
    assert ran.returncode != 0
    assert "data_sorce" in ran.stdout


@pytest.mark.parametrize(
    ("variable", "known"),
    [
        ("csi_storage_known_parameters", parameters.KNOWN),
        ("csi_storage_known_snapshot_parameters", snapshot_parameters.KNOWN),
        ("csi_storage_known_group_snapshot_parameters", group_snapshot_parameters.KNOWN),
        ("csi_storage_known_attributes", mutable_parameters.KNOWN),
    ],
)
def test_parameters_are_those_of_the_driver(variable, known):
    assert sorted(VARIABLES[variable]) == sorted(known)


def test_a_group_snapshot_class_is_made_and_removed(cluster):
    made = {"name": "together", "parameters": {group_snapshot_parameters.GROUP_TYPE: "together"}}
    ran = cluster.run("csi_storage", csi_storage_group_snapshot_classes=[made])
    assert ran.returncode == 0, ran.stdout
    (found,) = cluster.objects()
    assert found["apiVersion"] == "groupsnapshot.storage.k8s.io/v1"
    assert found["kind"] == "VolumeGroupSnapshotClass"
    assert found["driver"] == "cinder.csi.openstack.org"
    assert found["parameters"] == made["parameters"]
    assert found["deletionPolicy"] == "Delete"
    cluster.run("csi_storage", csi_storage_group_snapshot_classes=[{**made, "state": "absent"}])
    assert cluster.objects() == []


def test_a_parameter_of_group_snapshots_that_resembles_a_known_one_is_refused_with_it(cluster):
    wrong = {"name": "together", "parameters": {"grouptype": "together"}}
    ran = cluster.run("csi_storage", csi_storage_group_snapshot_classes=[wrong])
    assert ran.returncode != 0
    assert "Did you mean group-type?" in ran.stdout
    assert cluster.objects() == []
