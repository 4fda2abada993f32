# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.shared_listing import Crowd, Pause
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume_names import VolumeNames
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.fake_cloud import FakeCloud

from .test_waiting import FakeClock


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Five who wait for something long."""
    crowd = Crowd()
    with contextlib.ExitStack() as others:
        for dummy in range(5):
            others.enter_context(crowd.joined())
        yield crowd


@pytest.mark.parametrize(("between", "longest"), [(5.0, 0.0), (1.0, 0.0), (0.05, 0.6)])
def test_a_name_is_looked_for_at_once_whoever_waits_for_long(
    crowd: Crowd, between: float, longest: float
) -> None:
    cloud, clock = FakeCloud(), FakeClock()
    names = VolumeNames(Api(lambda: cloud.cinder, "3.50"), crowd, Pause(), clock)
    waited = []
    for number in range(20):
        before = clock.now()
        assert names.is_surely_free(f"pvc-{number}", Deadline.after(60, clock))
        waited.append(clock.now() - before)
        clock.sleep(between)
    assert max(waited) <= longest
