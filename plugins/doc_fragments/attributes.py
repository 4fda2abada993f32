# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of this collection says of itself."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes, included as mooring.storage.attributes[.GROUP]."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change, without changing it.
  diff_mode:
    description: Returns the object before and after, for C(--diff) to show.
  idempotent:
    description: A second run changes nothing, unless something else changed the object in between.
"""

    WRITES = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    READS = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
  diff_mode:
    support: N/A
    details: This module changes nothing.
  idempotent:
    support: full
    details: This module changes nothing.
"""

    OPENSTACK = r"""
options: {}
attributes:
  action_group:
    description: C(group/mooring.storage.openstack) in C(module_defaults) gives all of them the same options.
    support: full
    membership:
      - mooring.storage.openstack
"""

    KUBERNETES = r"""
options: {}
attributes:
  action_group:
    description: C(group/mooring.storage.kubernetes) in C(module_defaults) gives all of them the same options.
    support: full
    membership:
      - mooring.storage.kubernetes
"""
