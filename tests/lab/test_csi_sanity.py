# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""csi-sanity against the driver, with the lab's real Cinder and Nova.

Driver and csi-sanity run on a node of the lab: there Nova plugs the disks in, and the node service
formats and mounts them for real.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB, cloud_conf, lab_cloud

CLUSTER = "csi-sanity"
TABLE = Path(__file__).resolve().parents[2] / "docs" / "csi-sanity.md"
MINUTES = 20
#: Where a node sees the machine's files.
HOST = "/oldroot"

SCRIPT = """
set -u
work=$(mktemp -d)
trap 'kill $driver; wait $driver; rm -rf "$work"' EXIT
export PYTHONPATH={pythonpath} PYTHONDONTWRITEBYTECODE=1
{python} -m ansible_collections.mooring.storage.csi_server \
    --endpoint unix://$work/csi.sock --provide-controller-service --provide-node-service \
    --cluster {cluster} --cloud-config {host}{work}/cloud.conf --node-id-sources metadataService \
    --http-endpoint 127.0.0.1:19890 --log-format json --log-level debug >{host}{work}/driver.log 2>&1 &
driver=$!
curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors --max-time 5 \
    http://127.0.0.1:19890/readyz || exit 1
kill -0 $driver || exit 1
printf '%s\\n' 'type: fast-qos' 'metadata.sanity: modified' >$work/mutable.yaml
{host}{programs}/csi-sanity -csi.endpoint=unix://$work/csi.sock \
    -csi.mountdir=$work/mount -csi.stagingdir=$work/stage \
    -csi.testvolumesize=1073741824 -csi.testvolumeexpandsize=2147483648 \
    -csi.testvolumemutableparameters=$work/mutable.yaml \
    -ginkgo.no-color -ginkgo.junit-report={host}{work}/sanity.xml -ginkgo.timeout={minutes}m \
    >{host}{work}/sanity.log 2>&1
"""


def unexplained(skipped: list[str]) -> list[str]:
    """What is skipped and not in the table of skipped cases, and what is in the table and not skipped."""
    rows = [line.split("`")[1] for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    unknown = [name for name in skipped if not any(name.endswith(row) for row in rows)]
    return unknown + [row for row in rows if not any(name.endswith(row) for name in skipped)]


@pytest.fixture
def work() -> Path:
    """Where the run leaves its logs and its report."""
    folder = LAB / "log" / "csi-sanity"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_csi_sanity(work: Path, record_property: Callable[[str, object], None]) -> None:
    cloud = lab_cloud()
    (work / "cloud.conf").touch(mode=0o600)
    (work / "cloud.conf").write_text(cloud_conf(cloud))
    script = SCRIPT.format(
        pythonpath=shlex.quote(os.environ["PYTHONPATH"]),
        python=shlex.quote(sys.executable),
        host=HOST,
        work=work,
        cluster=CLUSTER,
        programs=os.path.realpath(LAB / "programs"),
        minutes=MINUTES,
    )
    ended = subprocess.run(
        [LAB / "bin" / "node-shell", "1"], input=script, text=True, timeout=(MINUTES + 2) * 60, check=False
    )
    report = ElementTree.parse(work / "sanity.xml").getroot()
    cases = list(report.iter("testcase"))
    failed = [case.get("name") for case in cases if case.find("failure") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    passed = len(cases) - len(failed) - len(skipped)
    record_property("csi-sanity", f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    assert failed == []
    assert unexplained([case.get("name") for case in skipped]) == []
    assert ended.returncode == 0
    assert passed > 0
    storage = cloud.block_storage
    made = [*storage.volumes(), *storage.snapshots(), *storage.backups()]
    left = [each for each in made if CLUSTER in (each.metadata or {}).values()]
    assert left == []
