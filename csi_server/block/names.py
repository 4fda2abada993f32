# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that cloud-provider-openstack's Cinder driver uses, kept so that its objects keep working."""

from __future__ import annotations

import re
from collections.abc import Mapping

DRIVER = "cinder.csi.openstack.org"
TOPOLOGY_ZONE = "topology.cinder.csi.openstack.org/zone"

#: Volume metadata: the cluster that a volume was made for.
CLUSTER = "cinder.csi.openstack.org/cluster"
DESCRIPTION = "Created by OpenStack Cinder CSI driver"

#: Secret key: the cloud that a request is for, by the name of its section [Global "name"].
CLOUD = "cloud"

#: CreateVolume parameters that the provisioner adds (--extra-create-metadata); kept as volume metadata.
CLAIM_NAME = "csi.storage.k8s.io/pvc/name"
CLAIM_NAMESPACE = "csi.storage.k8s.io/pvc/namespace"
VOLUME_NAME = "csi.storage.k8s.io/pv/name"

#: Volume metadata of our own: the backup that the volume was made of, which Cinder does not tell.
FROM_BACKUP = "cinder.csi.openstack.org/from-backup"

#: Annotations of claims, and volume context: volumes whose back end a new one is on, or is not on.
AFFINITY = "cinder.csi.openstack.org/affinity"
ANTI_AFFINITY = "cinder.csi.openstack.org/anti-affinity"

#: Metadata keys that begin so are the driver's, or describe the claim: no class may set them.
RESERVED = ("cinder.csi.openstack.org/", "csi.storage.k8s.io/")

#: Volume context: the volume was made of another, so its filesystem may be smaller than it is.
RESIZE_REQUIRED = "cinder.csi.openstack.org/resizeRequired"

#: Volume context: the node encrypts the volume. The key is in the node stage Secret, by the second name.
ENCRYPTED = "cinder.csi.openstack.org/encrypted"
ENCRYPTION_KEY = "encryptionPassphrase"

#: Publish context. DevicePath is what Nova says; the node trusts the serial and the size. readonly is
#: "true" for a volume that the node may not write to.
DEVICE_PATH = "DevicePath"
SIZE = "size"
SERIAL = "serial"
#: How the node reaches the volume by itself, as JSON; holds the secrets of that connection.
CONNECTION = "connection"
READ_ONLY = "readonly"

#: CreateSnapshot parameters that the snapshotter adds (--extra-create-metadata); kept as metadata.
SNAPSHOT_NAME = "csi.storage.k8s.io/volumesnapshot/name"
SNAPSHOT_NAMESPACE = "csi.storage.k8s.io/volumesnapshot/namespace"
SNAPSHOT_CONTENT_NAME = "csi.storage.k8s.io/volumesnapshotcontent/name"

#: Snapshot metadata of our own: the name of the backup that the snapshot was taken for.
FOR_BACKUP = "cinder.csi.openstack.org/for-backup"

_LABEL_LENGTH = 63


def is_encrypted(volume_context: Mapping[str, str]) -> bool:
    """Say whether the node encrypts a volume of this context."""
    return volume_context.get(ENCRYPTED) == "true"


def zone_label(zone: str) -> str:
    """``zone`` as a label value, by the rule of cloud-provider-openstack.

    What no label value may have becomes a hyphen, the ends lose what only the middle may have, and it is
    at most 63 characters long.
    """
    return re.sub(r"[^-A-Za-z0-9_.]+", "-", zone).strip("-_.")[:_LABEL_LENGTH].rstrip("-_.")


def group_mark(cluster: str) -> str:
    """Return the description that marks a cluster's groups and group snapshots, which have no metadata."""
    return f"{DESCRIPTION} for cluster {cluster}" if cluster else DESCRIPTION
