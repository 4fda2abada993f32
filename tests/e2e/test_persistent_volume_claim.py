# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module persistent_volume_claim with the driver installed: what Cinder says reaches who asked."""

from __future__ import annotations

import json

import pytest

from ansible_collections.mooring.storage.tests.e2e.conftest import becomes, volumes
from ansible_collections.mooring.storage.tests.e2e.objects import DRIVER
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.playing import Player, TaskFailed

MODULE = "persistent_volume_claim"


@pytest.fixture
def play(namespace, tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kubectl("config", "view", "--raw", "--flatten"))
    return Player(tmp_path, {"K8S_AUTH_KUBECONFIG": str(kubeconfig)}, name="data", namespace=namespace)


@pytest.fixture
def class_of(namespace):
    """Makes a StorageClass of a volume type, which does not wait for a pod."""
    names = []

    def make(volume_type):
        name = f"{namespace}-{volume_type}"
        names.append(name)
        body = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": DRIVER,
            "parameters": {"type": volume_type},
            "volumeBindingMode": "Immediate",
        }
        kubectl("apply", "-f", "-", given=[body])
        return name

    yield make
    for name in names:
        kubectl("delete", "storageclass", name)


def test_a_claim_is_a_volume_of_cinder_until_it_is_deleted(cinder, class_of, play):
    made = play(MODULE, size="1Gi", storage_class_name=class_of("fast"))
    assert made["changed"]
    assert made["phase"] == "Bound"
    volume = json.loads(kubectl("get", "pv", made["volume_name"], "-o", "json"))
    found = cinder.get_volume(volume["spec"]["csi"]["volumeHandle"])
    assert (found.size, found.volume_type, found.status) == (1, "fast", "available")
    assert not play(MODULE, size="1Gi")["changed"]

    assert play(MODULE, state="absent")["changed"]
    assert becomes(lambda: found.id not in volumes(cinder))
    assert not play(MODULE, state="absent")["changed"]


def test_a_back_end_that_has_no_room_is_told_in_cinders_words(class_of, play):
    with pytest.raises(TaskFailed, match="Could not find any available weighted backend") as failed:
        play(MODULE, size="1Gi", storage_class_name=class_of("nowhere"), wait_timeout=30)
    assert "ProvisioningFailed" in {event["reason"] for event in failed.value.result["events"]}


def test_a_size_over_the_quota_is_told_in_cinders_words(class_of, play):
    with pytest.raises(TaskFailed, match="exceeds allowed gigabytes quota") as failed:
        play(MODULE, size="100Ti", storage_class_name=class_of("fast"), wait_timeout=30)
    assert "ProvisioningFailed" in {event["reason"] for event in failed.value.result["events"]}


def test_a_volume_type_that_does_not_exist_is_named(class_of, play):
    with pytest.raises(TaskFailed, match="Volume type with name no-such-type could not be found"):
        play(MODULE, size="1Gi", storage_class_name=class_of("no-such-type"), wait_timeout=30)
