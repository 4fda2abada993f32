# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots that the tests take in the cluster."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.objects import Body

GROUP = "snapshot.storage.k8s.io"
API = f"{GROUP}/v1"


def snapshot_class(
    name: str, parameters: Mapping[str, str] | None = None, driver: str = objects.DRIVER
) -> Body:
    """A VolumeSnapshotClass whose snapshots go with their objects."""
    return {
        "apiVersion": API,
        "kind": "VolumeSnapshotClass",
        "metadata": {"name": name},
        "driver": driver,
        "deletionPolicy": "Delete",
        "parameters": dict(parameters or {}),
    }


def snapshot(namespace: str, name: str, class_name: str, claim: str) -> Body:
    """A VolumeSnapshot of a claim."""
    return {
        "apiVersion": API,
        "kind": "VolumeSnapshot",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"volumeSnapshotClassName": class_name, "source": {"persistentVolumeClaimName": claim}},
    }


def take(namespace: str, name: str, class_name: str, claim: str) -> None:
    """Take a snapshot of a claim, and wait until volumes can be made of it."""
    objects.apply(snapshot(namespace, name, class_name, claim))
    objects.wait("volumesnapshot", name, namespace, "jsonpath={.status.readyToUse}=true")


def content_of(name: str) -> dict[str, str]:
    """What a claim names as its ``dataSource`` to have what is in a snapshot."""
    return {"apiGroup": GROUP, "kind": "VolumeSnapshot", "name": name}
