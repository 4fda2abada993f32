#!/usr/bin/python
# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_qos_spec_info
short_description: Get QoS specs of block storage volumes (Cinder)
version_added: 0.1.0
description:
  - Lists QoS specs with the volume types that use them.
  - By default Cinder allows this to administrators only.
author:
  - The mooring.storage authors (@mooring-storage)
extends_documentation_fragment:
  - openstack.cloud.openstack
  - mooring.storage.attributes
  - mooring.storage.attributes.reads
  - mooring.storage.attributes.openstack
options:
  name:
    description:
      - Name or ID of the QoS spec. When omitted, all are listed.
    type: str
notes:
  - O(timeout) is the time for all calls together. One call may take 60 seconds, unless O(api_timeout) or
    C(clouds.yaml) says otherwise.
seealso:
  - module: mooring.storage.volume_qos_spec
"""

EXAMPLES = r"""
- name: List all QoS specs
  mooring.storage.volume_qos_spec_info:
  register: all_specs

- name: Look at one of them
  mooring.storage.volume_qos_spec_info:
    cloud: example
    name: gold
  register: gold
"""

RETURN = r"""
volume_qos_specs:
  description: The QoS specs by name, an empty list when there is none.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the QoS spec.
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
"""

from typing import ClassVar

from ansible_collections.openstack.cloud.plugins.module_utils.openstack import OpenStackModule

from ..module_utils._module.connection import block_storage
from ..module_utils._module.face import tell
from ..module_utils._module.qos_spec.resource import gathered


class VolumeQosSpecInfoModule(OpenStackModule):
    argument_spec: ClassVar = {"name": {"type": "str"}}
    module_kwargs: ClassVar = {"supports_check_mode": True}

    def run(self) -> None:
        tell(self.ansible, lambda: gathered(block_storage(self.conn), self.params))


def main() -> None:
    VolumeQosSpecInfoModule()()


if __name__ == "__main__":
    main()
