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
OF_CLASSES = {
    "csi_storage_classes": "StorageClass",
    "csi_storage_snapshot_classes": "VolumeSnapshotClass",
    "csi_storage_group_snapshot_classes": "VolumeGroupSnapshotClass",
    "csi_storage_volume_attributes_classes": "VolumeAttributesClass",
}
DEFINITIONS = {
    "VolumeSnapshotClass": "volumesnapshotclasses.snapshot.storage.k8s.io",
    "VolumeGroupSnapshotClass": "volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io",
}
SPEC = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def definition(kind, **versions):
    """The CustomResourceDefinition of a kind, and whether each version is served: v1, where none is said."""
    served = [{"name": name, "served": is_served} for name, is_served in (versions or {"v1": True}).items()]
    return {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": DEFINITIONS[kind]},
        "spec": {"names": {"kind": kind}, "versions": served},
    }


def made_in(cluster):
    return [each for each in cluster.objects() if each["kind"] != "CustomResourceDefinition"]


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
    cluster.holds(definition("VolumeGroupSnapshotClass"))
    made = {"name": "together", "parameters": {group_snapshot_parameters.GROUP_TYPE: "together"}}
    ran = cluster.run("csi_storage", csi_storage_group_snapshot_classes=[made])
    assert ran.returncode == 0, ran.stdout
    (found,) = made_in(cluster)
    assert found["apiVersion"] == "groupsnapshot.storage.k8s.io/v1"
    assert found["kind"] == "VolumeGroupSnapshotClass"
    assert found["driver"] == "cinder.csi.openstack.org"
    assert found["parameters"] == made["parameters"]
    assert found["deletionPolicy"] == "Delete"
    cluster.run("csi_storage", csi_storage_group_snapshot_classes=[{**made, "state": "absent"}])
    assert made_in(cluster) == []


def test_a_parameter_of_group_snapshots_that_resembles_a_known_one_is_refused_with_it(cluster):
    wrong = {"name": "together", "parameters": {"grouptype": "together"}}
    ran = cluster.run("csi_storage", csi_storage_group_snapshot_classes=[wrong])
    assert ran.returncode != 0
    assert "Did you mean group-type?" in ran.stdout
    assert cluster.objects() == []


def test_parameters_arrive_as_text(cluster):
    cluster.holds(*map(definition, DEFINITIONS))
    texts = {True: "true", False: "false", 3: "3", 1.5: "1.5", None: "", "True": "True"}
    given = {f"csi.storage.k8s.io/{text}": value for value, text in texts.items()}
    ran = cluster.run(
        "csi_storage", **{variable: [{"name": "one", "parameters": given}] for variable in OF_CLASSES}
    )
    assert ran.returncode == 0, ran.stdout
    found = {each["kind"]: each["parameters"] for each in made_in(cluster)}
    arrived = {f"csi.storage.k8s.io/{text}": text for text in texts.values()}
    assert found == dict.fromkeys(OF_CLASSES.values(), arrived)


def test_a_class_without_parameters_has_none(cluster):
    ran = cluster.run("csi_storage", csi_storage_classes=[{"name": "fast", "allow_volume_expansion": "no"}])
    assert ran.returncode == 0, ran.stdout
    (found,) = made_in(cluster)
    assert found["parameters"] == {}
    assert found["allowVolumeExpansion"] is False


@pytest.mark.parametrize(
    ("kind", "variable", "held"),
    [
        ("VolumeSnapshotClass", "csi_storage_snapshot_classes", []),
        ("VolumeGroupSnapshotClass", "csi_storage_group_snapshot_classes", []),
        (
            "VolumeGroupSnapshotClass",
            "csi_storage_group_snapshot_classes",
            [definition("VolumeGroupSnapshotClass", v1=False, v1beta1=True)],
        ),
    ],
)
def test_a_class_whose_definition_the_cluster_lacks_is_refused_before_anything_is_made(
    cluster, kind, variable, held
):
    cluster.holds(*held)
    ran = cluster.run(
        "csi_storage", csi_storage_classes=[{"name": "fast"}], **{variable: [{"name": "quick"}]}
    )
    assert ran.returncode != 0
    said = " ".join(ran.stdout.split())
    assert f"{variable} asks for a {kind}" in said
    assert f"does not serve {DEFINITIONS[kind]} in version v1" in said
    assert "external-snapshotter" in said
    assert made_in(cluster) == []


def test_check_mode_says_that_a_definition_is_missing_and_goes_on(cluster, in_check_mode):
    ran = cluster.run(
        "csi_storage",
        csi_storage_classes=[{"name": "fast"}],
        csi_storage_snapshot_classes=[{"name": "quick"}],
    )
    assert ran.returncode == 0, ran.stdout
    assert f"does not serve {DEFINITIONS['VolumeSnapshotClass']}" in " ".join(ran.stdout.split())
    assert [each["kind"] for each in made_in(cluster)] == ["StorageClass"]


def test_classes_that_the_cluster_does_not_know_are_not_removed(cluster):
    # kubernetes.core.k8s fails where there is no definition. Its stand-in would remove these objects.
    strays = [{"kind": kind, "metadata": {"name": "quick"}} for kind in DEFINITIONS]
    cluster.holds(*strays)
    gone = [{"name": "quick", "state": "absent"}]
    ran = cluster.run(
        "csi_storage", csi_storage_snapshot_classes=gone, csi_storage_group_snapshot_classes=gone
    )
    assert ran.returncode == 0, ran.stdout
    assert made_in(cluster) == strays
