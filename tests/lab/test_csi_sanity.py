# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""csi-sanity against the driver, with the lab's real Cinder, attached through Nova and without it.

Driver and csi-sanity run on a node of the lab: there Nova plugs the disks in, or the node connects to
them by iSCSI, and the node service formats and mounts them for real.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB, cloud_conf, lab_cloud

TABLE = Path(__file__).resolve().parents[2] / "docs" / "csi-sanity.md"
MINUTES = 20
#: Where a node sees the machine's files.
HOST = "/oldroot"

SCRIPT = """
set -u
work=$(mktemp -d)
here() {{
    # Nova plugs other tests' disks into the machine of a node meanwhile.
    ls /sys/block | grep -v '^ubd'
    cat /sys/class/iscsi_session/*/targetname 2>/dev/null
    cut -d' ' -f5 /proc/self/mountinfo
}}
here | sort >$work/before
trap 'kill $driver; wait $driver; rm -rf "$work"' EXIT
export PYTHONPATH={pythonpath} PYTHONDONTWRITEBYTECODE=1
{python} -m ansible_collections.mooring.storage.csi_server \
    --endpoint unix://$work/csi.sock --provide-controller-service --provide-node-service \
    --cluster {cluster} --cloud-config {host}{work}/cloud.conf {attach} \
    --http-endpoint 127.0.0.1:19890 --log-format json --log-level debug >{host}{work}/driver.log 2>&1 &
driver=$!
curl --silent --fail --retry 300 --retry-delay 1 --retry-all-errors --max-time 5 \
    http://127.0.0.1:19890/readyz || exit 1
kill -0 $driver || exit 1
printf '%s\\n' {parameters} >$work/parameters.yaml
printf '%s\\n' {mutable} 'metadata.sanity: modified' >$work/mutable.yaml
{host}{programs}/csi-sanity -csi.endpoint=unix://$work/csi.sock \
    -csi.mountdir=$work/mount -csi.stagingdir=$work/stage \
    -csi.testvolumesize=1073741824 -csi.testvolumeexpandsize=2147483648 \
    -csi.testvolumeparameters=$work/parameters.yaml -csi.testvolumemutableparameters=$work/mutable.yaml \
    -ginkgo.no-color -ginkgo.junit-report={host}{work}/sanity.xml -ginkgo.timeout={minutes}m \
    >{host}{work}/sanity.log 2>&1
ended=$?
{{ here | sort | diff $work/before -; ls $work/connections/*.json 2>/dev/null; }} >{host}{work}/left.log
exit $ended
"""


@dataclass(frozen=True)
class Mode:
    """One way to attach.

    :ivar node: the number of the lab's node, one of its own: both may run at the same time.
    :ivar options: the driver's.
    :ivar parameters: of the class of the volumes.
    :ivar mutable: what is changed of a volume.
    """

    name: str
    node: str
    options: str
    parameters: str
    mutable: str


#: Nova plugs disks into its server; or Cinder exports volumes, and the node connects to them.
MODES = [
    Mode("nova", "1", "--node-id-sources metadataService", "type: fast", "type: fast-qos"),
    Mode(
        "cinder",
        "2",
        "--attach cinder --node-ip 10.98.0.12 --with-topology=false",
        "type: iscsi",
        "metadata.also: changed",
    ),
]


def unexplained(skipped: list[str]) -> list[str]:
    """What is skipped and not in the table of skipped cases, and what is in the table and not skipped."""
    rows = [line.split("`")[1] for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    unknown = [name for name in skipped if not any(name.endswith(row) for row in rows)]
    return unknown + [row for row in rows if not any(name.endswith(row) for name in skipped)]


@pytest.fixture
def work(mode: Mode) -> Path:
    """Where the run leaves its logs and its report."""
    folder = LAB / "log" / f"csi-sanity-{mode.name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_csi_sanity(mode: Mode, work: Path, record_property: Callable[[str, object], None]) -> None:
    cloud = lab_cloud()
    cluster = f"csi-sanity-{mode.name}"
    (work / "cloud.conf").touch(mode=0o600)
    (work / "cloud.conf").write_text(cloud_conf(cloud))
    script = SCRIPT.format(
        pythonpath=shlex.quote(os.environ["PYTHONPATH"]),
        python=shlex.quote(sys.executable),
        host=HOST,
        work=work,
        attach=mode.options,
        parameters=shlex.quote(mode.parameters),
        mutable=shlex.quote(mode.mutable),
        cluster=cluster,
        programs=os.path.realpath(LAB / "programs"),
        minutes=MINUTES,
    )
    ended = subprocess.run(
        [LAB / "bin" / "node-shell", mode.node],
        input=script,
        text=True,
        timeout=(MINUTES + 2) * 60,
        check=False,
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
    assert (work / "left.log").read_text() == ""
    assert made_for(cluster, cloud.block_storage) == []


def made_for(cluster: str, storage: Any) -> list[Any]:
    """What Cinder has of a cluster. Groups have no metadata, and say it in their description."""
    volumes = [*storage.volumes(), *storage.snapshots(), *storage.backups()]
    groups = [*storage.groups(), *storage.group_snapshots()]
    return [
        *(each for each in volumes if cluster in (each.metadata or {}).values()),
        *(each for each in groups if each.description == names.group_mark(cluster)),
    ]
