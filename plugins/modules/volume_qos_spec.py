#!/usr/bin/python
# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_qos_spec
short_description: Manage QoS specs of block storage volumes (Cinder)
version_added: 0.1.0
description:
  - Creates, changes and deletes QoS specs, and says which volume types use them.
  - A QoS spec limits or guarantees the performance of the volumes of the volume types that use it.
  - By default Cinder allows this to administrators only.
author:
  - The mooring.storage authors (@mooring-storage)
extends_documentation_fragment:
  - openstack.cloud.openstack
  - mooring.storage.attributes
  - mooring.storage.attributes.writes
  - mooring.storage.attributes.openstack
options:
  name:
    description:
      - Name or ID of the QoS spec.
      - A QoS spec cannot be renamed.
    type: str
    required: true
  state:
    description: Whether the QoS spec shall exist.
    type: str
    choices:
      - present
      - absent
    default: present
  consumer:
    description:
      - Who enforces the keys of O(specs), the hypervisor (V(front-end)), the storage (V(back-end)) or both.
      - When omitted, a new QoS spec gets V(back-end) and an existing one keeps its own.
    type: str
    choices:
      - front-end
      - back-end
      - both
  specs:
    description:
      - All keys of the QoS spec with their values, such as C(total_iops_sec).
      - Keys that are not listed are unset, as are those with the value V(null). V({}) unsets all.
      - Numbers and booleans are sent as text, V(true) as C(true).
      - When omitted, an existing QoS spec keeps its keys.
    type: dict
  volume_types:
    description:
      - Names or IDs of all volume types that shall use the QoS spec. Types that are not listed are
        disassociated, V([]) disassociates all.
      - A volume type uses one QoS spec at most. One that uses another is an error, never taken from it.
      - When omitted, the associations stay as they are.
    type: list
    elements: str
  force:
    description:
      - Delete the QoS spec even when volume types use it. They are disassociated.
      - Has a meaning for O(state=absent) only.
    type: bool
    default: false
notes:
  - O(timeout) is the time for all calls together. One call may take 60 seconds, unless O(api_timeout) or
    C(clouds.yaml) says otherwise.
  - O(wait) has no effect, since Cinder changes QoS specs at once.
seealso:
  - module: mooring.storage.volume_qos_spec_info
  - module: openstack.cloud.volume_type
"""

EXAMPLES = r"""
- name: Limit the volumes of two volume types in the hypervisor
  mooring.storage.volume_qos_spec:
    name: gold
    consumer: front-end
    specs:
      total_iops_sec: 5000
      total_bytes_sec: 262144000
    volume_types:
      - fast
      - faster

- name: Let no volume type use it any more
  mooring.storage.volume_qos_spec:
    cloud: example
    name: gold
    volume_types: []

- name: Delete it
  mooring.storage.volume_qos_spec:
    name: gold
    state: absent
"""

RETURN = r"""
volume_qos_spec:
  description: The QoS spec as it is, in check mode as it would be.
  returned: success and O(state=present)
  type: dict
  contains:
    id:
      description: ID of the QoS spec, V(null) in check mode when it would be created.
      type: str
      sample: 5f8b1c0e-8c62-4c9b-94a5-0e0f5f5a3d11
    name:
      description: Its name.
      type: str
      sample: gold
    consumer:
      description: Who enforces it.
      type: str
      sample: front-end
    specs:
      description: Its keys and their values, all text.
      type: dict
      sample:
        total_iops_sec: '5000'
    volume_types:
      description: The volume types that use it.
      type: list
      elements: dict
      contains:
        id:
          description: ID of the volume type.
          type: str
        name:
          description: Name of the volume type.
          type: str
request_id:
  description: OpenStack's ID of the request that failed, empty when none was sent or none came back.
  returned: failure
  type: str
  sample: req-1b1b3a4f-6c3c-45f4-a9b0-3f8f1f6f2b4f
"""

from typing import ClassVar

from ansible_collections.openstack.cloud.plugins.module_utils.openstack import OpenStackModule

from ..module_utils._module.arguments import STATE
from ..module_utils._module.connection import block_storage
from ..module_utils._module.face import keep
from ..module_utils._module.qos_spec.resource import VolumeQosSpec


class VolumeQosSpecModule(OpenStackModule):
    argument_spec: ClassVar = {
        "name": {"type": "str", "required": True},
        "state": STATE,
        "consumer": {"type": "str", "choices": ["front-end", "back-end", "both"]},
        "specs": {"type": "dict"},
        "volume_types": {"type": "list", "elements": "str"},
        "force": {"type": "bool", "default": False},
    }
    module_kwargs: ClassVar = {"supports_check_mode": True}

    def run(self) -> None:
        keep(self.ansible, lambda: VolumeQosSpec(block_storage(self.conn), self.params))


def main() -> None:
    VolumeQosSpecModule()()


if __name__ == "__main__":
    main()
