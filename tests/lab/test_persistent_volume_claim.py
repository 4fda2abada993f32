# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module persistent_volume_claim against the lab's cluster.

No driver takes part: volumes are made by hand, and the tests say what a resizer would say.
"""

from __future__ import annotations

import base64
import json
import uuid

import pytest

from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.playing import Player, TaskFailed

MODULE = "persistent_volume_claim"


class Corner:
    """A namespace and a StorageClass of the test's own; their names are the same."""

    def __init__(self):
        self.name = f"claims-{uuid.uuid4().hex[:8]}"
        self.volumes = []

    def make(self):
        storage_class = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": self.name},
            "provisioner": "nobody.example",
            "allowVolumeExpansion": True,
            "volumeBindingMode": "Immediate",
        }
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}, storage_class)

    def remove(self):
        kubectl("delete", "namespace", self.name, "--wait=false")
        kubectl("delete", "storageclass", self.name, f"{self.name}-late", "--ignore-not-found")
        for name in self.volumes:
            kubectl("delete", "pv", name, "--ignore-not-found", "--wait=false")

    def apply(self, *objects):
        kubectl("apply", "-f", "-", given=objects)

    def add_volume(self, size="1Gi", **spec):
        """A PersistentVolume that a claim of the corner's class can bind to."""
        name = f"{self.name}-{len(self.volumes)}"
        self.volumes.append(name)
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "capacity": {"storage": size},
                    "storageClassName": self.name,
                    "persistentVolumeReclaimPolicy": "Retain",
                    "hostPath": {"path": f"/tmp/{name}"},
                    **spec,
                },
            }
        )
        return name

    def add_pod(self, claim):
        """A pod on node1 that uses a claim."""
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web", "namespace": self.name},
                "spec": {
                    "nodeName": "node1",
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "c", "image": "lab.local/pause:1", "imagePullPolicy": "Never"}],
                    "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}],
                },
            }
        )

    def claims(self):
        return json.loads(kubectl("get", "pvc", "-n", self.name, "-o", "json"))["items"]


@pytest.fixture
def corner():
    made = Corner()
    made.make()
    yield made
    made.remove()


@pytest.fixture
def play(corner, tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kubectl("config", "view", "--raw", "--flatten"))
    return Player(tmp_path, {"K8S_AUTH_KUBECONFIG": str(kubeconfig)}, name="data", namespace=corner.name)


def test_required_options_are_named(tmp_path):
    with pytest.raises(TaskFailed, match="missing required arguments: name, namespace"):
        Player(tmp_path, {})(MODULE)


def test_from_nothing_to_a_bound_claim_and_back(corner, play):
    volume = corner.add_volume()
    wanted = {"size": "1Gi", "storage_class_name": corner.name, "labels": {"app": "shop"}}

    predicted = play(MODULE, check=True, **wanted)
    assert predicted["changed"]
    assert predicted["claim"]["spec"]["resources"] == {"requests": {"storage": "1Gi"}}
    assert corner.claims() == []

    made = play(MODULE, **wanted)
    assert made["changed"]
    assert made["diff"] == {"before": {}, "after": predicted["claim"]}
    assert (made["phase"], made["volume_name"], made["capacity"]) == ("Bound", volume, "1Gi")
    assert made["waiting_for"] == ""
    (there,) = corner.claims()
    assert there["metadata"]["uid"] == made["claim"]["metadata"]["uid"]
    assert there["spec"] == made["claim"]["spec"]

    for check in (True, False):
        again = play(MODULE, check=check, **{**wanted, "size": "1024Mi"})
        assert not again["changed"]
        assert again["volume_name"] == volume
    assert corner.claims() == [there]

    change = {"labels": {"app": None, "tier": 1}, "annotations": {"note": True}}
    labelled = play(MODULE, **change)
    assert labelled["changed"]
    assert labelled["diff"]["before"]["metadata"]["labels"] == {"app": "shop"}
    assert labelled["diff"]["after"]["metadata"]["labels"] == {"tier": "1"}
    metadata = corner.claims()[0]["metadata"]
    assert (metadata["labels"], metadata["annotations"]["note"]) == ({"tier": "1"}, "true")
    assert not play(MODULE, **change)["changed"]

    assert play(MODULE, check=True, state="absent")["changed"]
    assert len(corner.claims()) == 1
    deleted = play(MODULE, state="absent")
    assert deleted["changed"]
    assert deleted["diff"]["after"] == {}
    assert corner.claims() == []
    assert not play(MODULE, state="absent")["changed"]


def test_growing(corner, play):
    corner.add_volume()
    volume = play(MODULE, size="1Gi", storage_class_name=corner.name)["volume_name"]

    predicted = play(MODULE, check=True, size="2Gi")
    assert predicted["changed"]
    assert predicted["diff"]["after"]["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert corner.claims()[0]["spec"]["resources"]["requests"]["storage"] == "1Gi"

    with pytest.raises(TaskFailed, match=r"is Bound, and not ready after 2 seconds") as failed:
        play(MODULE, size="2Gi", wait_timeout=2)
    assert failed.value.result["capacity"] == "1Gi"
    assert corner.claims()[0]["spec"]["resources"]["requests"]["storage"] == "2Gi"

    kubectl("patch", "pv", volume, "-p", '{"spec":{"capacity":{"storage":"2Gi"}}}')
    status = '{"status":{"capacity":{"storage":"2Gi"}}}'
    kubectl("patch", "pvc", "data", "-n", corner.name, "--subresource=status", "--type=merge", "-p", status)
    grown = play(MODULE, size="2Gi")
    assert not grown["changed"]
    assert grown["capacity"] == "2Gi"
    with pytest.raises(TaskFailed, match=r"size: .* has 2Gi and cannot shrink to 1Gi; ask for 2Gi or more"):
        play(MODULE, size="1Gi")


def test_what_never_changes_is_refused_with_both_values(corner, play):
    corner.add_volume()
    play(MODULE, size="1Gi", storage_class_name=corner.name)
    before = corner.claims()
    with pytest.raises(TaskFailed, match="volume_mode is 'Filesystem', not 'Block'"):
        play(MODULE, check=True, volume_mode="Block")
    with pytest.raises(TaskFailed, match=f"storage_class_name is '{corner.name}', not 'other'"):
        play(MODULE, storage_class_name="other")
    with pytest.raises(TaskFailed, match="access_modes is ReadWriteOnce, not ReadWriteMany"):
        play(MODULE, access_modes=["ReadWriteMany"])
    assert corner.claims() == before


def test_a_pending_claim_says_that_its_driver_is_missing(corner, play):
    with pytest.raises(TaskFailed, match=r"the cluster has no CSIDriver 'nobody\.example'") as failed:
        play(MODULE, size="1Gi", storage_class_name=corner.name, wait_timeout=15)
    assert failed.value.result["phase"] == "Pending"
    assert {event["reason"] for event in failed.value.result["events"]} == {"ExternalProvisioning"}


def test_a_class_that_does_not_exist_is_named_with_those_that_do(corner, play):
    with pytest.raises(
        TaskFailed, match=f"there is no StorageClass 'no-such'; the cluster has: .*{corner.name}"
    ):
        play(MODULE, size="1Gi", storage_class_name="no-such")


def test_a_claim_without_a_class_asks_for_a_volume_without_one(corner, play):
    with pytest.raises(TaskFailed, match="no PersistentVolume without a StorageClass is available"):
        play(MODULE, size="1Gi", storage_class_name="", wait_timeout=2)


def test_a_class_that_binds_late_is_reported(corner, play):
    late = f"{corner.name}-late"
    corner.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": late},
            "provisioner": "nobody.example",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    )
    made = play(MODULE, size="1Gi", storage_class_name=late)
    assert made["changed"]
    assert (made["phase"], made["waiting_for"]) == ("Pending", "a pod that uses the claim")


def test_a_quota_of_the_namespace_is_told(corner, play):
    corner.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "storage", "namespace": corner.name},
            "spec": {"hard": {"requests.storage": "5Gi"}},
        }
    )
    with pytest.raises(TaskFailed, match=r"exceeded quota: storage, requested: requests\.storage=6Gi"):
        play(MODULE, size="6Gi", storage_class_name=corner.name)
    assert corner.claims() == []


def test_a_namespace_that_does_not_exist_is_named(play):
    with pytest.raises(TaskFailed, match='namespaces "no-such" not found'):
        play(MODULE, size="1Gi", namespace="no-such")
    assert not play(MODULE, state="absent", namespace="no-such")["changed"]


def test_a_claim_in_use_says_by_which_pod(corner, play):
    corner.add_volume()
    play(MODULE, size="1Gi", storage_class_name=corner.name)
    corner.add_pod("data")
    with pytest.raises(TaskFailed, match="pods use it: web; delete them first") as failed:
        play(MODULE, state="absent", wait_timeout=3)
    assert failed.value.result["pods"] == ["web"]
    with pytest.raises(TaskFailed, match="is being deleted"):
        play(MODULE, size="1Gi")
    kubectl("delete", "pod", "web", "-n", corner.name, "--force")
    assert not play(MODULE, state="absent")["changed"]
    assert corner.claims() == []


def test_with_a_token_for_the_namespace_in_the_environment(corner, tmp_path):
    """As AWX hands over a credential of Kubernetes; this one may do the least that the module asks for."""
    rule = {
        "apiGroups": [""],
        "resources": ["persistentvolumeclaims"],
        "verbs": ["get", "create", "patch", "delete"],
    }
    meta = {"name": "claims", "namespace": corner.name}
    group = "rbac.authorization.k8s.io"
    corner.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "claims"},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        },
    )
    cluster = json.loads(kubectl("config", "view", "--raw", "--flatten", "-o", "json"))["clusters"][0][
        "cluster"
    ]
    authority = tmp_path / "ca.crt"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    environment = {
        "K8S_AUTH_HOST": cluster["server"],
        "K8S_AUTH_API_KEY": kubectl("create", "token", "claims", "-n", corner.name).strip(),
        "K8S_AUTH_VERIFY_SSL": "True",
        "K8S_AUTH_SSL_CA_CERT": str(authority),
        "KUBECONFIG": str(tmp_path / "none"),
    }
    corner.add_volume()
    play = Player(tmp_path, environment, name="data", namespace=corner.name)
    assert play(MODULE, size="1Gi", storage_class_name=corner.name)["phase"] == "Bound"
    assert not play(MODULE, size="1Gi")["changed"]
    assert play(MODULE, state="absent")["changed"]
    with pytest.raises(TaskFailed, match="forbidden"):
        play(MODULE, state="absent", namespace="default")
