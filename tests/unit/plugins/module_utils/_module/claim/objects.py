# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes objects as the API server hands them out, for the tests of claims."""

from __future__ import annotations

from typing import Any

from ansible_collections.mooring.storage.plugins.module_utils._module.cluster import Object

OPTIONS: dict[str, Any] = {
    "name": "data",
    "namespace": "shop",
    "state": "present",
    "size": None,
    "storage_class_name": None,
    "access_modes": None,
    "volume_mode": None,
    "volume_name": None,
    "data_source": None,
    "volume_attributes_class_name": None,
    "labels": None,
    "annotations": None,
    "wait": True,
    "wait_for": "ready",
    "wait_timeout": 60,
}


def claim(phase: str = "Bound", size: str = "1Gi", **spec: Any) -> Object:
    """A claim of 1 GiB of class ``fast``; bound ones have their volume."""
    bound = phase == "Bound"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop", "uid": "uid-1", "labels": {"app": "shop"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": "fast",
            "volumeMode": "Filesystem",
            **({"volumeName": "pv-1"} if bound else {}),
            **spec,
        },
        "status": {"phase": phase, **({"capacity": {"storage": "1Gi"}} if bound else {})},
    }


def storage_class(name: str = "fast", **fields: Any) -> Object:
    return {
        "metadata": {"name": name, "annotations": {}},
        "provisioner": "driver.example",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate",
        **fields,
    }


def default_class(name: str = "fast") -> Object:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    return storage_class(name, metadata={"name": name, "annotations": annotations})


def pod(
    name: str = "web", phase: str = "Running", node: str | None = "node1", claim_name: str = "data"
) -> Object:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}]
    return {
        "metadata": {"name": name},
        "spec": {"volumes": volumes, **({"nodeName": node} if node else {})},
        "status": {"phase": phase},
    }


def volume(name: str = "pv-1", phase: str = "Available", class_name: str = "", size: str = "1Gi") -> Object:
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": size},
            "storageClassName": class_name,
        },
        "status": {"phase": phase},
    }


def event(reason: str, message: str, at: str = "2026-01-01T00:00:00Z", count: int = 1) -> Object:
    return {
        "type": "Warning" if reason.endswith("Failed") else "Normal",
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": at,
        "metadata": {"name": f"data.{reason}.{at}"},
        "involvedObject": {"uid": "uid-1"},
    }
