# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a claim has become what was asked for, or what it still waits for. Pure: no call is made here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..._cloud.errors import Failed
from ..cluster import Object
from .quantity import quantity_bytes

_SELECTED_NODE = "volume.kubernetes.io/selected-node"


@dataclass(frozen=True)
class Readiness:
    """How far a claim is.

    :ivar ready: nothing is left for the cluster to do by itself.
    :ivar bound: it has a volume.
    :ivar waiting_for: what is outstanding, in words; empty when nothing is.
    """

    ready: bool
    bound: bool
    waiting_for: str = ""


def phase(claim: Object) -> str:
    """Pending, Bound or Lost."""
    return str((claim.get("status") or {}).get("phase") or "Pending")


def capacity(claim: Object) -> str | None:
    """The size of the volume behind the claim, None while there is none."""
    found: str | None = ((claim.get("status") or {}).get("capacity") or {}).get("storage")
    return found


def waits_for_consumer(claim: Object, storage_class: Object | None) -> bool:
    """Whether it is the claim's StorageClass that keeps it pending until a pod comes."""
    return (
        phase(claim) == "Pending"
        and (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
        and _SELECTED_NODE not in (claim["metadata"].get("annotations") or {})
    )


def using_pods(claim: Object, pods: Collection[Object]) -> list[Object]:
    """The pods that mount the claim and still run, or will."""
    return [
        pod
        for pod in pods
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        and claim["metadata"]["name"] in _claim_names(pod)
    ]


def holding_pods(claim: Object, pods: Collection[Object]) -> list[Object]:
    """The pods for whose sake Kubernetes does not let the claim go: ended ones too, unscheduled ones not."""
    return [
        pod for pod in pods if pod["spec"].get("nodeName") and claim["metadata"]["name"] in _claim_names(pod)
    ]


def readiness(claim: Object, storage_class: Object | None, pods: Collection[Object]) -> Readiness:
    """Look at a claim.

    :param storage_class: the claim's StorageClass, None where there is none.
    :param pods: those of its namespace.
    :raises Failed: it is in a state that does not pass.
    """
    _refuse_failed(claim)
    if phase(claim) != "Bound":
        if waits_for_consumer(claim, storage_class) and not using_pods(claim, pods):
            return Readiness(ready=True, bound=False, waiting_for="a pod that uses the claim")
        return Readiness(ready=False, bound=False, waiting_for="a volume")
    if _grows(claim):
        if _condition(claim, "FileSystemResizePending") and not using_pods(claim, pods):
            return Readiness(True, True, "a pod that uses the claim, to grow its file system")
        return Readiness(False, True, f"the volume to grow to {_requested(claim)}")
    wanted = claim["spec"].get("volumeAttributesClassName")
    if wanted and (claim.get("status") or {}).get("currentVolumeAttributesClassName") != wanted:
        return Readiness(False, True, f"the volume to follow VolumeAttributesClass {wanted}")
    return Readiness(ready=True, bound=True)


def condition_messages(claim: Object) -> list[str]:
    """What the claim's own conditions say."""
    return [
        f"{condition['type']}: {condition['message']}"
        for condition in (claim.get("status") or {}).get("conditions") or []
        if condition.get("status") == "True" and condition.get("message")
    ]


def _refuse_failed(claim: Object) -> None:
    status = claim.get("status") or {}
    if phase(claim) == "Lost":
        raise Failed(f"its volume {claim['spec'].get('volumeName')} is gone")
    growing = (status.get("allocatedResourceStatuses") or {}).get("storage") or ""
    # The status may still be that of an earlier request, which this one replaced.
    tried = (status.get("allocatedResources") or {}).get("storage")
    if growing.endswith("Infeasible") and tried == _requested(claim):
        raise Failed(f"the volume cannot grow to {_requested(claim)} ({growing})")
    modifying = status.get("modifyVolumeStatus") or {}
    wanted = modifying.get("targetVolumeAttributesClassName")
    if modifying.get("status") == "Infeasible" and wanted == claim["spec"].get("volumeAttributesClassName"):
        raise Failed(f"the volume cannot follow VolumeAttributesClass {wanted} (Infeasible)")


def _requested(claim: Object) -> str:
    return str(claim["spec"]["resources"]["requests"]["storage"])


def _grows(claim: Object) -> bool:
    has = capacity(claim)
    return has is not None and quantity_bytes("size", _requested(claim)) > quantity_bytes("capacity", has)


def _condition(claim: Object, kind: str) -> bool:
    return any(
        condition["type"] == kind and condition["status"] == "True"
        for condition in (claim.get("status") or {}).get("conditions") or []
    )


def _claim_names(pod: Object) -> set[str]:
    volumes = pod["spec"].get("volumes") or []
    own = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in volumes
        if "persistentVolumeClaim" in volume
    }
    # An ephemeral volume's claim is named after the pod and the volume.
    return own | {
        f"{pod['metadata']['name']}-{volume['name']}" for volume in volumes if "ephemeral" in volume
    }
