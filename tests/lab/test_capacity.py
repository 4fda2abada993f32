# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be provisioned in the lab's Cinder, in the eyes of a user and of an administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ansible_collections.mooring.storage.csi_server.block.capacity import VolumeCapacity
from ansible_collections.mooring.storage.plugins.module_utils._cloud import volumes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import InvalidRequest
from ansible_collections.mooring.storage.plugins.module_utils._cloud.pools import Pools
from ansible_collections.mooring.storage.plugins.module_utils._cloud.quotas import QuotaSets
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume_types import VolumeTypes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.lab.lab_cloud import lab_cloud

#: GiB of each of the lab's back ends.
BACK_END = 1000

Ask = Callable[[str, str], int]


@pytest.fixture
def available(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """GiB for a type and a zone, as the lab's cloud of the test's parameter sees it."""
    with lab_cloud(request.param) as connection:
        api = Api(lambda: connection.block_storage, volumes.MICROVERSION)
        capacity = VolumeCapacity(
            volumes.Volumes(api, {}),
            VolumeTypes(api),
            QuotaSets(api, lambda deadline: str(connection.session.get_project_id())),
            Pools(api),
        )

        def ask(volume_type: str, zone: str) -> int:
            return capacity.of(volume_type, zone, False, Deadline.after(30)).available

        yield ask


@pytest.mark.parametrize("available", ["demo"], indirect=True)
def test_a_user_gets_what_the_quota_leaves(available: Ask) -> None:
    assert available("fast", "az1") > 2 * BACK_END
    assert available("slow", "az2") == available("fast", "az1")
    # Every user sees which zones a type is for, and which there are.
    assert available("slow", "az1") == available("fast", "az9") == 0
    with pytest.raises(InvalidRequest, match=r"'moon' does not exist: known are .*fast"):
        available("moon", "")


@pytest.mark.parametrize("available", ["admin"], indirect=True)
def test_an_administrator_gets_what_the_pools_have(available: Ask) -> None:
    assert 0 < available("fast", "az1") <= BACK_END
    assert available("multi", "az1") == available("fast", "az1")
    # The default type is fast.
    assert available("", "") == available("fast", "")
    assert 0 < available("slow", "az2") <= BACK_END
    assert available("fast", "az2") == available("slow", "az1") == available("nowhere", "") == 0
