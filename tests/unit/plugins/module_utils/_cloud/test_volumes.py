# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    CloudError,
    Failed,
    OutOfCapacity,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume import (
    Origin,
    VolumeRequest,
    from_api,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume_changes import VolumeChanges
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volumes import Volumes
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.fake_cloud import FakeCloud

from .test_api import Watcher
from .test_waiting import FakeClock

MINE = {"cluster": "ours"}
SERVER = "0f0c3c5e-8a3c-4b0f-8b1c-7a1d5f6e2b90"


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def volumes(cloud: FakeCloud) -> Volumes:
    return Volumes(Api(lambda: cloud.cinder, "3.50"), MINE)


@pytest.fixture
def crowd(volumes: Volumes) -> Iterator[None]:
    """So many wait that a listing serves them."""
    with contextlib.ExitStack() as others:
        for dummy in range(5):
            others.enter_context(volumes._crowd.joined())
        yield


def soon() -> Deadline:
    return Deadline.after(60, FakeClock())


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
        volumes.wait_until_usable(from_api(made), soon())
    assert failure.type is kind


def attached(volume: dict[str, Any]) -> None:
    volume.update(status="in-use", attachments=[{"server_id": SERVER, "attachment_id": "1"}])


def detached(volume: dict[str, Any]) -> None:
    volume.update(status="available", attachments=[])


def grown(volume: dict[str, Any]) -> None:
    volume.update(status="available", size=2)


WAITS: list[tuple[str, Callable[[dict[str, Any]], None], Callable[[Volumes, str], str]]] = [
    ("attaching", attached, lambda volumes, key: volumes.wait_until_attached(key, SERVER, soon()).status),
    ("detaching", detached, lambda volumes, key: volumes.wait_until_detached(key, SERVER, soon())),
    ("extending", grown, lambda volumes, key: changes(volumes).wait_until_settled(key, soon()).status),
]


def changes(volumes: Volumes) -> VolumeChanges:
    return VolumeChanges(volumes._api, volumes)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(("status", "end", "wait"), WAITS)
def test_a_volume_that_is_listed_no_more_may_be_there(
    cloud: FakeCloud,
    volumes: Volumes,
    status: str,
    end: Callable[[dict[str, Any]], None],
    wait: Callable[[Volumes, str], str],
) -> None:
    volume = cloud.add_volume(metadata=MINE)
    if status == "detaching":
        attached(volume)
    volume["status"] = status
    cloud.steps = 0
    cloud.later(volume, lambda it: it.update(metadata={}))
    cloud.later(volume, end)
    assert wait(volumes, volume["id"]) == volume["status"]
    # Listed with the marks, listed without them, and then asked for by its id.
    assert cloud.calls == ["GET /volumes/detail"] * 2 + [f"GET /volumes/{volume['id']}"]


@pytest.mark.parametrize(
    ("origin", "kind"),
    [
        (Origin(), "volume_available"),
        (Origin(snapshot_id="snapshot"), "volume_filled"),
        (Origin(volume_id="volume"), "volume_filled"),
        (Origin(backup_id="backup"), "volume_filled"),
    ],
)
def test_what_has_to_be_copied_is_no_measure_of_what_is_made_empty(
    cloud: FakeCloud, origin: Origin, kind: str
) -> None:
    cloud.snapshots.add(id="snapshot")
    cloud.backups.add(id="backup")
    cloud.add_volume(id="volume")
    watcher = Watcher()
    volumes = Volumes(Api(lambda: cloud.cinder, "3.50", watcher), MINE)
    made = volumes.create(VolumeRequest("pvc-1", 1, metadata=MINE, origin=origin), soon())
    volumes.wait_until_usable(made, soon())
    assert [wait.kind for wait in watcher.waits] == [kind]


def test_a_restore_that_was_begun_by_an_earlier_call_is_one(cloud: FakeCloud) -> None:
    watcher = Watcher()
    volumes = Volumes(Api(lambda: cloud.cinder, "3.50", watcher), MINE)
    volume = cloud.add_volume(status="restoring-backup")
    cloud.later(volume, lambda it: it.update(status="available"))
    volumes.wait_until_usable(from_api(volume), soon())
    assert [wait.kind for wait in watcher.waits] == ["volume_filled"]


def test_a_change_of_type_is_no_measure_of_an_extension(cloud: FakeCloud) -> None:
    watcher = Watcher()
    api = Api(lambda: cloud.cinder, "3.50", watcher)
    volume = cloud.add_volume()
    changed = VolumeChanges(api, Volumes(api, MINE))
    changed.wait_until_settled(volume["id"], soon())
    changed.wait_until_retyped(volume["id"], soon())
    assert [wait.kind for wait in watcher.waits] == ["volume_changed", "volume_retyped"]
