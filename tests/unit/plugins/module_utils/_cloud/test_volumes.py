# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    CloudError,
    Failed,
    OutOfCapacity,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume import from_api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volumes import Volumes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.fake_cloud import FakeCloud

from .test_waiting import FakeClock


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def volumes(cloud: FakeCloud) -> Volumes:
    return Volumes(Api(lambda: cloud.cinder, "3.50"), {})


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("schedule allocate volume:Could not find any available weighted backend.", OutOfCapacity),
        ("No valid backend was found. No weighed backends available", OutOfCapacity),
        ("create volume from backend storage:Driver failed to create the volume.", Failed),
        ("copy image to volume:Failed to upload volume to image at backend.", Failed),
    ],
)
def test_only_the_scheduler_says_that_there_is_no_room(
    cloud: FakeCloud, volumes: Volumes, said: str, kind: type[CloudError]
) -> None:
    made = cloud.add_volume(status="error")
    cloud.messages.append({"resource_uuid": made["id"], "user_message": said})
    with pytest.raises(CloudError, match=said) as failure:
        volumes.wait_until_usable(from_api(made), Deadline.after(60, FakeClock()))
    assert failure.type is kind
