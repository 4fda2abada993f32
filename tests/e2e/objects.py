# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that the tests make in the cluster: their bodies, and the waits until they are of use."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

Body = dict[str, Any]

DRIVER = "cinder.csi.openstack.org"
#: Has a shell and BusyBox's tools; is on every node of the lab.
IMAGE = "lab.local/busybox:1"
#: Ends at once when it is told to, as a well-made program does.
IDLE = "trap 'exit 0' TERM; sleep 100000 & wait"
#: Seconds; kubectl's own limit is longer.
WAIT = 300


def storage_class(name: str, parameters: Mapping[str, str], **fields: Any) -> Body:
    """A StorageClass of the driver, which can expand and does not wait for a pod.

    :param fields: more of the class, or other than that: ``mountOptions``, ``volumeBindingMode``...
    """
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": DRIVER,
        "parameters": dict(parameters),
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate",
        **fields,
    }


def attributes_class(name: str, parameters: Mapping[str, str]) -> Body:
    """A VolumeAttributesClass of the driver."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttributesClass",
        "metadata": {"name": name},
        "driverName": DRIVER,
        "parameters": dict(parameters),
    }


def claim(namespace: str, name: str, class_name: str, size: str = "1Gi", **spec: Any) -> Body:
    """A claim of one writer's filesystem.

    :param spec: more, or other than that: ``accessModes``, ``volumeMode``, ``dataSource``...
    """
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "storageClassName": class_name,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            **spec,
        },
    }


def pod(
    namespace: str,
    name: str,
    mounts: Mapping[str, str] | None = None,
    devices: Mapping[str, str] | None = None,
    command: str = IDLE,
    **spec: Any,
) -> Body:
    """A pod of one container ``c`` that uses claims.

    :param mounts: claims by the folder at which they are seen.
    :param devices: claims of raw block volumes, by the device file.
    :param command: run by ``sh -c``.
    :param spec: more of the pod's spec: ``nodeName``, ``securityContext``...
    """
    mounts, devices = mounts or {}, devices or {}
    claims = sorted({*mounts.values(), *devices.values()})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "containers": [
                {
                    "name": "c",
                    "image": IMAGE,
                    "imagePullPolicy": "Never",
                    "command": ["sh", "-c", command],
                    "volumeMounts": [{"name": of, "mountPath": path} for path, of in mounts.items()],
                    "volumeDevices": [{"name": of, "devicePath": path} for path, of in devices.items()],
                }
            ],
            "volumes": [{"name": of, "persistentVolumeClaim": {"claimName": of}} for of in claims],
            **spec,
        },
    }


def apply(*bodies: Body) -> None:
    """Make the objects, or change those that are there."""
    kubectl("apply", "-f", "-", given=list(bodies))


def get(kind: str, name: str, namespace: str = "default") -> Body:
    """The object as it is now."""
    found: Body = json.loads(kubectl("get", kind, name, "--namespace", namespace, "-o", "json"))
    return found


def change(kind: str, name: str, namespace: str, body: Body) -> None:
    """Change the fields of an object that ``body`` names."""
    kubectl("patch", kind, name, "--namespace", namespace, "--patch", json.dumps(body))


def delete(kind: str, name: str, namespace: str = "default") -> None:
    """Delete an object and wait until it is gone; one that is not there is."""
    kubectl("delete", kind, name, "--namespace", namespace, "--ignore-not-found", f"--timeout={WAIT}s")


def wait(kind: str, name: str, namespace: str, condition: str, seconds: int = WAIT) -> None:
    """Wait for a condition as ``kubectl wait --for`` takes it.

    :raises AssertionError: it did not come in time; with the namespace's events, which may say why.
    """
    try:
        kubectl(
            "wait", f"{kind}/{name}", "--namespace", namespace, f"--for={condition}", f"--timeout={seconds}s"
        )
    except subprocess.CalledProcessError as failed:
        events = kubectl("get", "events", "--namespace", namespace, "--sort-by=.lastTimestamp")
        raise AssertionError(f"{kind} {name}: {failed.stderr}\n{events}") from failed


def wait_ready(namespace: str, name: str) -> None:
    """Wait until a pod is ready."""
    wait("pod", name, namespace, "condition=Ready")


def wait_bound(namespace: str, name: str) -> str:
    """Wait until a claim is bound. Return the id of its Cinder volume."""
    wait("pvc", name, namespace, "jsonpath={.status.phase}=Bound")
    return volume_id(namespace, name)


def volume_id(namespace: str, name: str) -> str:
    """The id of the Cinder volume of a bound claim."""
    volume = get("pvc", name, namespace)["spec"]["volumeName"]
    return str(get("pv", volume)["spec"]["csi"]["volumeHandle"])


def run(namespace: str, name: str, script: str) -> str:
    """Run a shell script in a pod and return what it wrote; a script that fails raises."""
    return kubectl("exec", "--namespace", namespace, name, "--", "sh", "-ec", script)


def device_of(namespace: str, name: str) -> str:
    """The path of the device that a pod has mounted at ``/data``."""
    return run(namespace, name, "awk '$2 == \"/data\" { print $1 }' /proc/mounts").strip()


def told(namespace: str, reason: str) -> str:
    """All that the events of a reason say; empty when there are none."""
    events = json.loads(kubectl("get", "events", "--namespace", namespace, "-o", "json"))["items"]
    return " ".join(event["message"] for event in events if event["reason"] == reason)


def grow(namespace: str, name: str, size: str) -> None:
    """Ask for a claim of another size."""
    change("pvc", name, namespace, {"spec": {"resources": {"requests": {"storage": size}}}})


def wait_for_capacity(namespace: str, name: str, size: str) -> None:
    """Wait until a claim has grown, and what is on its volume too."""
    wait("pvc", name, namespace, f"jsonpath={{.status.capacity.storage}}={size}")


def node_driver(node: str, driver: str) -> Body:
    """What a driver has told the kubelet of a node, as its CSINode has it."""
    drivers: list[Body] = get("csinode", node)["spec"]["drivers"]
    return next(each for each in drivers if each["name"] == driver)
