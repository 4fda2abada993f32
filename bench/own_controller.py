# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that a benchmark runs by itself, so that its calls are its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import openstack
from lab import until
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.tests.lab.lab_cloud import cloud_conf

HTTP = "127.0.0.1:19891"


@contextlib.contextmanager
def controller(
    connection: openstack.connection.Connection, cluster: str
) -> Iterator[csi_pb2_grpc.ControllerStub]:
    """Run one for a cluster of that name."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        conf, socket = Path(folder) / "cloud.conf", Path(folder) / "csi.sock"
        conf.touch(mode=0o600)
        conf.write_text(cloud_conf(connection))
        command = [
            *(sys.executable, "-m", "ansible_collections.mooring.storage.csi_server"),
            *("--endpoint", f"unix://{socket}", "--provide-controller-service", "--no-provide-node-service"),
            *("--cluster", cluster, "--cloud-config", str(conf), "--http-endpoint", HTTP),
        ]
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(command, stderr=log, env={**os.environ})
        try:
            until(lambda: _answers("/readyz"), "the controller to be ready")
            with grpc.insecure_channel(f"unix://{socket}") as channel:
                yield csi_pb2_grpc.ControllerStub(channel)
        finally:
            process.terminate()
            process.wait(30)


def _answers(path: str) -> str:
    """What the controller answers over HTTP, an empty string while it does not."""
    try:
        with urllib.request.urlopen(f"http://{HTTP}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def calls() -> Counter[str]:
    """The controller's OpenStack requests so far, in its own words."""
    return Counter(
        {
            sample.labels["request"]: int(sample.value)
            for family in text_string_to_metric_families(_answers("/metrics"))
            for sample in family.samples
            if sample.name == "openstack_api_requests_total"
        }
    )
