# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova-compute with the lab's driver in reach: Nova loads drivers from its package nova.virt only."""

from __future__ import annotations

import os

# First: it decides how Nova runs its threads.
from nova.cmd import compute

import nova.virt  # isort: skip

nova.virt.__path__.append(os.path.dirname(os.path.abspath(__file__)))

if __name__ == "__main__":
    compute.main()
