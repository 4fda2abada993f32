# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud that the unit tests of the OpenStack side talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.mooring.storage.tests.unit.plugins.cinder_server import CinderServer


@pytest.fixture
def cinder() -> Iterator[CinderServer]:
    server = CinderServer()
    yield server
    server.close()
