# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims and pods of a benchmark, and the moments at which the API server saw them change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes import client, config, watch
from lab import TIMEOUT, now, until

DRIVER = "cinder.csi.openstack.org"
GATEWAY_TIMEOUT = 504
#: Ends at once when it is told to, as a well-made program does.
COMMAND = "trap 'exit 0' TERM; sleep 100000 & wait"


@dataclass
class Cluster:
    """A namespace to work in.

    :param image: runs in the pods; has ``sleep``.
    """

    namespace: str
    image: str

    def __post_init__(self) -> None:
        config.load_kube_config()
        self.core = client.CoreV1Api()
        self.storage = client.StorageV1Api()

    def create_namespace(self) -> None:
        body = client.V1Namespace(metadata=client.V1ObjectMeta(name=self.namespace))
        self.core.create_namespace(body)
        until(
            lambda: self.core.list_namespaced_service_account(self.namespace).items,
            "the namespace's service account",
        )

    def delete_namespace(self) -> None:
        self.core.delete_namespace(self.namespace)
        until(
            lambda: not [n for n in self.core.list_namespace().items if n.metadata.name == self.namespace],
            "the namespace to be gone",
        )

    def create_claim(self, name: str, storage_class: str) -> None:
        spec = client.V1PersistentVolumeClaimSpec(
            access_modes=["ReadWriteOnce"],
            storage_class_name=storage_class,
            resources=client.V1VolumeResourceRequirements(requests={"storage": "1Gi"}),
        )
        body = client.V1PersistentVolumeClaim(metadata=client.V1ObjectMeta(name=name), spec=spec)
        self.core.create_namespaced_persistent_volume_claim(self.namespace, body)

    def create_pod(self, name: str, claims: Sequence[str] = (), node: str = "node1") -> None:
        container = client.V1Container(
            name="c", image=self.image, command=["sh", "-c", COMMAND], image_pull_policy="Never"
        )
        container.volume_mounts = [
            client.V1VolumeMount(name=claim, mount_path=f"/data/{claim}") for claim in claims
        ]
        volumes = [
            client.V1Volume(
                name=claim,
                persistent_volume_claim=client.V1PersistentVolumeClaimVolumeSource(claim_name=claim),
            )
            for claim in claims
        ]
        spec = client.V1PodSpec(
            containers=[container],
            volumes=volumes,
            termination_grace_period_seconds=5,
            node_selector={"kubernetes.io/hostname": node},
        )
        self.core.create_namespaced_pod(
            self.namespace, client.V1Pod(metadata=client.V1ObjectMeta(name=name), spec=spec)
        )

    def ready_times(self, names: set[str]) -> dict[str, float]:
        """Wait until all of the pods are ready; return when each was seen so."""
        seen: dict[str, float] = {}
        for event in self._pod_events():
            pod = event["object"]
            conditions = {c.type: c.status for c in pod.status.conditions or ()}
            if pod.metadata.name in names and conditions.get("Ready") == "True":
                seen.setdefault(pod.metadata.name, now())
            if seen.keys() == names:
                return seen
        raise TimeoutError(f"not ready within {TIMEOUT} s: {sorted(names - seen.keys())}")

    def _pod_events(self) -> Iterator[Any]:
        end = now() + TIMEOUT
        while now() < end:
            try:
                yield from watch.Watch().stream(
                    self.core.list_namespaced_pod, self.namespace, timeout_seconds=TIMEOUT
                )
            except client.ApiException as error:
                # The API server's cache is behind what a listing has said already: it catches up.
                if error.status != GATEWAY_TIMEOUT:
                    raise

    def delete_pod(self, name: str) -> None:
        self.core.delete_namespaced_pod(name, self.namespace)

    def pods(self) -> set[str]:
        return {pod.metadata.name for pod in self.core.list_namespaced_pod(self.namespace).items}

    def volume_of(self, claim: str) -> str:
        """The Cinder volume's id of a bound claim."""
        bound = self.core.read_namespaced_persistent_volume_claim(claim, self.namespace)
        return str(self.core.read_persistent_volume(bound.spec.volume_name).spec.csi.volume_handle)

    def delete_claim(self, name: str) -> None:
        volume = self.core.read_namespaced_persistent_volume_claim(name, self.namespace).spec.volume_name
        self.core.delete_namespaced_persistent_volume_claim(name, self.namespace)
        until(
            lambda: volume not in {v.metadata.name for v in self.core.list_persistent_volume().items},
            f"volume {volume} to be gone",
        )

    def delete_claim_later(self, name: str) -> None:
        """Ask for a claim to be deleted, and wait for nothing."""
        self.core.delete_namespaced_persistent_volume_claim(name, self.namespace)

    def bound_claims(self) -> set[str]:
        claims = self.core.list_namespaced_persistent_volume_claim(self.namespace).items
        return {claim.metadata.name for claim in claims if claim.status.phase == "Bound"}

    def volumes(self) -> list[str]:
        """The PersistentVolumes of the namespace's claims."""
        return [
            volume.metadata.name
            for volume in self.core.list_persistent_volume().items
            if volume.spec.claim_ref and volume.spec.claim_ref.namespace == self.namespace
        ]

    @contextlib.contextmanager
    def immediate_class(self, storage_class: str) -> Iterator[str]:
        """A class like another, whose volumes are made before a pod wants them."""
        like = self.storage.read_storage_class(storage_class)
        name = f"{self.namespace}-immediate"
        self.storage.create_storage_class(
            client.V1StorageClass(
                metadata=client.V1ObjectMeta(name=name),
                provisioner=like.provisioner,
                parameters=like.parameters,
                volume_binding_mode="Immediate",
            )
        )
        try:
            yield name
        finally:
            self.storage.delete_storage_class(name)

    def node_ids(self) -> list[str]:
        """The nodes as the driver knows them: the ids of their servers."""
        return [
            driver.node_id
            for node in self.storage.list_csi_node().items
            for driver in node.spec.drivers or ()
            if driver.name == DRIVER
        ]
