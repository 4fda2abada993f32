# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hundred faults between the driver and the lab's real Cinder and Nova.

What is in the cloud afterwards is compared with what the driver said there is. ``MOORING_FAULTS_SEED``
chooses other faults, ``MOORING_FAULTS`` another number of them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import grpc
import openstack
import pytest

from ansible_collections.mooring.storage.tests.lab.faults.faults import Fault, Faults
from ansible_collections.mooring.storage.tests.lab.faults.load import TIER, Expected, Load, Shape
from ansible_collections.mooring.storage.tests.lab.faults.proxy import Proxy, before
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB, cloud_conf, lab_cloud

SEED = int(os.environ.get("MOORING_FAULTS_SEED", "1"))
FAULTS = int(os.environ.get("MOORING_FAULTS", "500"))
RATE = 0.4
WORKERS = 10
CLUSTER = "faults"
#: In so many faults, each kind is met for sure: the rarest is one in 35.
ENOUGH_FOR_EACH_KIND = 400
#: The share of lives that may end with a creation that failed for good. That takes an object whose status is
#: shown as one of failure more than once, in the moments in which somebody waits for it.
GIVEN_UP = 0.25
#: Seconds that the driver gives one request, so that a lost answer costs little time.
REQUEST_TIMEOUT = 6
LOG = logging.getLogger(__name__)
SETTLED = {"available", "in-use"}


@pytest.fixture
def cloud() -> Iterator[openstack.connection.Connection]:
    with lab_cloud() as connection:
        yield connection
        # Of a run that failed: what it left would take the nodes' places from the tests that follow.
        remove(connection)


@pytest.fixture
def work() -> Path:
    """Where the run leaves its logs."""
    folder = LAB / "log" / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def driver(work: Path, configuration: str) -> Iterator[grpc.Channel]:
    """A controller of this configuration."""
    (work / "cloud.conf").touch(mode=0o600)
    (work / "cloud.conf").write_text(configuration)
    socket = f"/tmp/mooring-faults-{os.getpid()}.sock"
    command = [
        *(sys.executable, "-m", "ansible_collections.mooring.storage.csi_server"),
        *(f"--endpoint=unix://{socket}", f"--cluster={CLUSTER}", f"--cloud-config={work}/cloud.conf"),
        *("--provide-controller-service", f"--request-timeout={REQUEST_TIMEOUT}"),
        *("--log-format=json", "--log-level=debug"),
    ]
    with (work / "driver.log").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            with grpc.insecure_channel(f"unix://{socket}") as channel:
                grpc.channel_ready_future(channel).result(60)
                yield channel
        finally:
            process.terminate()


def mine(cloud: openstack.connection.Connection) -> list[openstack.block_storage.v3.volume.Volume]:
    return [each for each in cloud.block_storage.volumes() if CLUSTER in each.metadata.values()]


def remove(cloud: openstack.connection.Connection) -> None:
    """Have everything deleted that the run made, without the driver."""
    left = {volume.id for volume in mine(cloud)}
    for server in cloud.compute.servers():
        for attachment in cloud.compute.volume_attachments(server):
            if attachment.volume_id in left:
                cloud.compute.delete_volume_attachment(server, attachment.volume_id)
    for backup in cloud.block_storage.backups():
        if backup.volume_id in left:
            cloud.block_storage.delete_backup(backup)
    end = time.monotonic() + 60
    while left and time.monotonic() < end:
        for volume in mine(cloud):
            if volume.status in ("available", "error"):
                cloud.block_storage.delete_volume(volume, cascade=True)
        time.sleep(1)
        left = {volume.id for volume in mine(cloud)}


def found(cloud: openstack.connection.Connection, servers: list[str]) -> tuple[Expected, list[str]]:
    """What is in the cloud, and what of it is not as it should be."""
    volumes = mine(cloud)
    ids = {volume.id for volume in volumes}
    snapshots = [each for each in cloud.block_storage.snapshots() if each.volume_id in ids]
    # A backup may outlive its volume.
    backups = [each for each in cloud.block_storage.backups() if (each.name or "").startswith(CLUSTER)]
    by_nova = {
        (each.volume_id, server)
        for server in servers
        for each in cloud.compute.volume_attachments(server)
        if each.volume_id in ids
    }
    by_cinder = [
        (each.volume_id, each.instance, each.status)
        for each in cloud.block_storage.attachments(details=True)
        if each.volume_id in ids
    ]
    wrong = [f"{each.name} is {each.status}" for each in volumes if each.status not in SETTLED]
    wrong += [f"snapshot {each.name} is {each.status}" for each in snapshots if each.status != "available"]
    wrong += [f"backup {each.name} is {each.status}" for each in backups if each.status != "available"]
    wrong += [f"attachment {each} is not Nova's" for each in by_cinder if each[:2] not in by_nova]
    wrong += [f"attachment {each} is incomplete" for each in by_cinder if each[2] != "attached"]
    wrong += [f"Nova's attachment {each} is not Cinder's" for each in by_nova - {a[:2] for a in by_cinder}]
    return Expected(
        {each.id: Shape(each.size, each.volume_type, each.metadata.get(TIER, "")) for each in volumes},
        {snapshot.id: snapshot.volume_id for snapshot in snapshots},
        {backup.id: backup.volume_id for backup in backups},
        by_nova,
    ), wrong


def settled(look: Callable[[], tuple[Expected, list[str]]]) -> tuple[Expected, list[str]]:
    """What is there when deletions in the background have ended."""
    end = time.monotonic() + 30
    while (now := look())[1] and time.monotonic() < end:
        time.sleep(1)
    return now


def endpoints(cloud: openstack.connection.Connection) -> list[str]:
    return [cloud.endpoint_for(service) for service in ("block-storage", "compute")]


def test_faults_leave_nothing_wrong(
    cloud: openstack.connection.Connection, work: Path, record_property: Callable[[str, object], None]
) -> None:
    servers = [server.id for server in cloud.compute.servers()]
    assert found(cloud, servers) == (Expected(), []), "left over by an earlier run"
    faults = Faults(SEED, FAULTS, RATE)
    keystone = cloud.config.get_auth_args()["auth_url"]
    begun = time.monotonic()
    with (
        (work / "requests.log").open("w") as log,
        before(
            keystone,
            endpoints(cloud),
            partial(Proxy, faults=faults, silence=REQUEST_TIMEOUT + 1, log=log),
        ) as auth_url,
        driver(work, cloud_conf(cloud, auth_url)) as channel,
    ):
        load = Load(channel, servers, "fast", "fast-qos", SEED, faults.spent)
        load.run(WORKERS)
        there, wrong = settled(lambda: found(cloud, servers))
        kinds = {fault.words: number for fault, number in faults.happened.most_common()}
        record_property("seed", SEED)
        record_property("faults", kinds)
        LOG.info("seed %s: %s faults in %.0f s", SEED, faults.happened.total(), time.monotonic() - begun)
        LOG.info("faults: %s", kinds)
        LOG.info("lives: %s", dict(load.lives))
        LOG.info("calls: %s", dict(sorted(load.codes.items())))
        LOG.info("given up: %d\n%s", len(load.given_up), "\n".join(load.given_up))
        record_property("given up", len(load.given_up))
        if FAULTS >= ENOUGH_FOR_EACH_KIND:
            assert set(faults.happened) == set(Fault)
        assert len(load.given_up) <= GIVEN_UP * load.lives.total()
        assert wrong == []
        assert there == load.expected
        load.clean_up()
    there, wrong = settled(lambda: found(cloud, servers))
    assert (there, wrong) == (Expected(), [])
