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

from ansible_collections.mooring.storage.tests.lab.faults.contents import Contents
from ansible_collections.mooring.storage.tests.lab.faults.faults import Fault, Faults
from ansible_collections.mooring.storage.tests.lab.faults.load import Expected
from ansible_collections.mooring.storage.tests.lab.faults.proxy import Proxy, before
from ansible_collections.mooring.storage.tests.lab.faults.ways import ThroughCinder, ThroughNova, Way
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB, cloud_conf, lab_cloud

SEED = int(os.environ.get("MOORING_FAULTS_SEED", "1"))
FAULTS = int(os.environ.get("MOORING_FAULTS", "500"))
RATE = 0.4
WORKERS = 10
#: In so many faults, each kind is met for sure: the rarest is one in 35.
ENOUGH_FOR_EACH_KIND = 400
#: The share of lives that may end with a creation that failed for good. That takes an object whose status is
#: shown as one of failure more than once, in the moments in which somebody waits for it.
GIVEN_UP = 0.25
#: Seconds that the driver gives one request, so that a lost answer costs little time.
REQUEST_TIMEOUT = 6
LOG = logging.getLogger(__name__)


@pytest.fixture
def contents(way: Way) -> Iterator[Contents]:
    with lab_cloud() as cloud:
        contents = Contents(cloud, f"faults-{way.name}", way)
        yield contents
        # Of a run that failed: what it left would take the nodes' places from the tests that follow.
        contents.remove()


@pytest.fixture
def work(way: Way) -> Path:
    """Where the run leaves its logs."""
    folder = LAB / "log" / f"faults-{way.name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def driver(work: Path, contents: Contents, configuration: str) -> Iterator[grpc.Channel]:
    """A controller of this configuration."""
    (work / "cloud.conf").touch(mode=0o600)
    (work / "cloud.conf").write_text(configuration)
    socket = f"/tmp/mooring-faults-{os.getpid()}.sock"
    command = [
        *(sys.executable, "-m", "ansible_collections.mooring.storage.csi_server"),
        *(
            f"--endpoint=unix://{socket}",
            f"--cluster={contents.cluster}",
            f"--cloud-config={work}/cloud.conf",
        ),
        *("--provide-controller-service", f"--request-timeout={REQUEST_TIMEOUT}", *contents.way.options),
        *("--log-format=json", "--log-level=debug"),
    ]
    with (work / "driver.log").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            with grpc.insecure_channel(f"unix://{socket}") as channel:
                grpc.channel_ready_future(channel).result(60)
                yield channel
        finally:
            process.terminate()


def endpoints(cloud: openstack.connection.Connection) -> list[str]:
    return [cloud.endpoint_for(service) for service in ("block-storage", "compute")]


@pytest.mark.parametrize("way", [ThroughNova(), ThroughCinder()], ids=lambda way: way.name)
def test_faults_leave_nothing_wrong(
    way: Way, contents: Contents, work: Path, record_property: Callable[[str, object], None]
) -> None:
    cloud = contents.cloud
    assert contents.found() == (Expected(), []), "left over by an earlier run"
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
        driver(work, contents, cloud_conf(cloud, auth_url)) as channel,
    ):
        load = way.load(channel, contents.cluster, way.nodes(cloud), way.volume_type, SEED, faults.spent)
        load.run(WORKERS)
        there, wrong = contents.settled()
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
    assert contents.settled() == (Expected(), [])
