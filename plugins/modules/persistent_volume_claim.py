#!/usr/bin/python
# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: persistent_volume_claim
short_description: Manage PersistentVolumeClaims of a Kubernetes cluster
version_added: 0.1.0
description:
  - Creates, grows and deletes PersistentVolumeClaims, and waits until their volumes are there.
  - When a claim stays pending, or a volume does not grow, the error says why, with the claim's events and
    with what is missing, such as the StorageClass or the driver.
  - A claim is never deleted and made again to change what cannot change.
author:
  - The mooring.storage authors (@mooring-storage)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - mooring.storage.attributes
  - mooring.storage.attributes.writes
  - mooring.storage.attributes.kubernetes
options:
  name:
    description: Name of the claim.
    type: str
    required: true
  namespace:
    description: Its namespace, which must exist.
    type: str
    required: true
  state:
    description:
      - Whether the claim shall exist.
      - What becomes of the volume of a deleted claim is up to the reclaim policy of its PersistentVolume.
    type: str
    choices:
      - present
      - absent
    default: present
  size:
    description:
      - The size of the volume at least, as a Kubernetes quantity such as V(10Gi).
      - Required to create a claim.
      - A bound claim grows when its StorageClass allows expansion. It never shrinks.
    type: str
  storage_class_name:
    description:
      - Name of the StorageClass. Fixed once the claim exists.
      - When omitted, a new claim gets the cluster's default class. V("") asks for a PersistentVolume
        without a class.
    type: str
  access_modes:
    description:
      - How the volume may be mounted. Fixed once the claim exists.
      - When omitted, a new claim gets V(ReadWriteOnce).
    type: list
    elements: str
    choices:
      - ReadWriteOnce
      - ReadOnlyMany
      - ReadWriteMany
      - ReadWriteOncePod
  volume_mode:
    description:
      - Whether pods see a file system or a raw block device. Fixed once the claim exists.
      - When omitted, a new claim gets V(Filesystem).
    type: str
    choices:
      - Filesystem
      - Block
  volume_name:
    description: Name of the PersistentVolume to bind to. Fixed once the claim exists.
    type: str
  data_source:
    description: What the volume is filled from, in the same namespace. Fixed once the claim exists.
    type: dict
    suboptions:
      kind:
        description: V(VolumeSnapshot) to restore a snapshot, V(PersistentVolumeClaim) to clone a volume.
        type: str
        required: true
        choices:
          - VolumeSnapshot
          - PersistentVolumeClaim
      name:
        description: Name of the snapshot or claim.
        type: str
        required: true
  volume_attributes_class_name:
    description:
      - Name of the VolumeAttributesClass that the volume shall follow.
      - When omitted, an existing claim keeps its own.
    type: str
  labels:
    description:
      - Labels that the claim shall bear. Others stay as they are, V(null) removes one.
      - Numbers and booleans become text.
    type: dict
  annotations:
    description:
      - Annotations that the claim shall bear. Others stay as they are, V(null) removes one.
      - Numbers and booleans become text.
    type: dict
  wait:
    description: Whether to wait until the claim is as in O(wait_for), or gone.
    type: bool
    default: true
  wait_for:
    description:
      - V(ready) waits until the volume is bound, of the size and the VolumeAttributesClass asked for, or
        until only a pod is missing for that. Such a claim belongs to a StorageClass that binds on its
        first consumer, or has a file system that grows when it is mounted; RV(waiting_for) says so.
      - V(bound) waits for the pod of a first consumer as well. It is for a claim whose pod comes from
        elsewhere.
    type: str
    choices:
      - ready
      - bound
    default: ready
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 180
requirements:
  - kubernetes >= 24.2.0
  - PyYAML >= 3.11
notes:
  - Each call to the cluster may take 30 seconds.
  - The credential needs the verbs get, create, patch and delete on persistentvolumeclaims. With read
    access to events and pods in the namespace, and to storageclasses, persistentvolumes and csidrivers,
    errors say more, and claims that wait for their first consumer are known as such.
seealso:
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Claim a volume of the cluster's default class
  mooring.storage.persistent_volume_claim:
    name: data
    namespace: shop
    size: 10Gi

- name: Claim a raw block volume of a class of its own
  mooring.storage.persistent_volume_claim:
    name: journal
    namespace: shop
    size: 4Gi
    storage_class_name: fast
    volume_mode: Block
    labels:
      app: shop

- name: Let it grow
  mooring.storage.persistent_volume_claim:
    name: data
    namespace: shop
    size: 20Gi

- name: Restore a snapshot
  mooring.storage.persistent_volume_claim:
    name: data-of-monday
    namespace: shop
    size: 20Gi
    data_source:
      kind: VolumeSnapshot
      name: monday

- name: Delete it, and wait until it is gone
  mooring.storage.persistent_volume_claim:
    name: data
    namespace: shop
    state: absent
"""

RETURN = r"""
claim:
  description: The claim as the cluster has it, in check mode as it would be.
  returned: O(state=present), and on failure when there is a claim
  type: dict
phase:
  description: Its phase, V(Pending), V(Bound) or V(Lost).
  returned: O(state=present) and not check mode, and on failure when there is a claim
  type: str
  sample: Bound
volume_name:
  description: Name of its PersistentVolume, V(null) while there is none.
  returned: O(state=present), and on failure when there is a claim
  type: str
  sample: pvc-2f5c3d33-52a6-4b7c-9a0f-fc3f5d8a7d0e
capacity:
  description: Size of its volume, V(null) while there is none.
  returned: O(state=present) and not check mode, and on failure when there is a claim
  type: str
  sample: 10Gi
waiting_for:
  description: What is still outstanding, empty when nothing is.
  returned: O(state=present) and not check mode
  type: str
  sample: a pod that uses the claim
events:
  description: The claim's events, newest first, those that differ in ids only once.
  returned: O(state=present) and not check mode, and on failure when there is a claim
  type: list
  elements: dict
  contains:
    type:
      description: V(Normal) or V(Warning).
      type: str
    reason:
      description: The event's reason in one word.
      type: str
      sample: ProvisioningFailed
    message:
      description: What it says.
      type: str
    count:
      description: How often it was seen.
      type: int
    last_seen:
      description: When it was seen last.
      type: str
reasons:
  description: What was found to be in the way, apart from the events.
  returned: failure to become ready
  type: list
  elements: str
pods:
  description: The pods for whose sake the cluster does not let the claim go.
  returned: failure to delete
  type: list
  elements: str
"""

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.core import AnsibleK8SModule

from ..module_utils._module.arguments import STATE
from ..module_utils._module.claim.resource import PersistentVolumeClaim
from ..module_utils._module.cluster import Cluster
from ..module_utils._module.face import keep

ARGUMENT_SPEC = {
    **AUTH_ARG_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "state": STATE,
    "size": {"type": "str"},
    "storage_class_name": {"type": "str"},
    "access_modes": {
        "type": "list",
        "elements": "str",
        "choices": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"],
    },
    "volume_mode": {"type": "str", "choices": ["Filesystem", "Block"]},
    "volume_name": {"type": "str"},
    "data_source": {
        "type": "dict",
        "options": {
            "kind": {
                "type": "str",
                "required": True,
                "choices": ["VolumeSnapshot", "PersistentVolumeClaim"],
            },
            "name": {"type": "str", "required": True},
        },
    },
    "volume_attributes_class_name": {"type": "str"},
    "labels": {"type": "dict"},
    "annotations": {"type": "dict"},
    "wait": {"type": "bool", "default": True},
    "wait_for": {"type": "str", "choices": ["ready", "bound"], "default": "ready"},
    "wait_timeout": {"type": "int", "default": 180},
}


def main() -> None:
    module = AnsibleK8SModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    keep(
        module,
        lambda: PersistentVolumeClaim(Cluster(lambda: get_api_client(module=module)), module.params),
    )


if __name__ == "__main__":
    main()
