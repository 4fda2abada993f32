# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How properties are tested: with the same examples each time, however slow the machine is."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("unit")
