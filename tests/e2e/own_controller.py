# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that a test runs by itself, beside the one in the cluster."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.objects import DRIVER


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def section(cloud: Mapping[str, Any], name: str = "", **auth: str) -> str:
    """A section of cloud.conf.

    :param cloud: an entry of the lab's clouds.yaml.
    :param auth: keys of cloud.conf to add, or to have other values.
    """
    known = cloud["auth"]
    entries = {
        "auth-url": known["auth_url"],
        "username": known["username"],
        "password": known["password"],
        "tenant-name": known["project_name"],
        "user-domain-id": known["user_domain_id"],
        "tenant-domain-id": known["project_domain_id"],
        "region": cloud["region_name"],
        **auth,
    }
    head = f'[Global "{name}"]' if name else "[Global]"
    return "\n".join([head, *(f'{key} = "{value}"' for key, value in entries.items() if value), ""])


def volume_request(volume_type: str = "slow", **fields: Any) -> csi.CreateVolumeRequest:
    """A request for a volume that nobody else asks for."""
    request = csi.CreateVolumeRequest(name=f"e2e-{uuid.uuid4()}", parameters={"type": volume_type}, **fields)
    capability = request.volume_capabilities.add()
    capability.mount.fs_type = "ext4"
    capability.access_mode.mode = csi.VolumeCapability.AccessMode.SINGLE_NODE_WRITER
    return request


def make_and_delete(stub: csi_pb2_grpc.ControllerStub, cinder: Any, **secrets: str) -> str:
    """Have a volume made and deleted, and see both in Cinder. Return its id."""
    made = stub.CreateVolume(volume_request(secrets=secrets), timeout=120).volume.volume_id
    status = cinder.get_volume(made).status
    stub.DeleteVolume(csi.DeleteVolumeRequest(volume_id=made, secrets=secrets), timeout=120)
    assert status == "available"
    assert cinder.find_volume(made, ignore_missing=True) is None
    return str(made)


class OwnController:
    """One process that serves Controller."""

    def __init__(self, folder: Path) -> None:
        self._conf = folder / "cloud.conf"
        self._socket = folder / "csi.sock"
        self._port = free_port()
        #: Marks its volumes alone.
        self.cluster = f"e2e-{uuid.uuid4().hex[:8]}"
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, *sections: str) -> None:
        """Write its cloud.conf, as Kubernetes changes a mounted Secret: in one step."""
        new = self._conf.with_suffix(".new")
        new.write_text("\n".join(sections))
        os.replace(new, self._conf)

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[OwnController]:
        """Run it, with further arguments: the last of a kind counts."""
        command = [
            *(sys.executable, "-m", "ansible_collections.mooring.storage.csi_server"),
            f"--endpoint=unix://{self._socket}",
            f"--driver-name={DRIVER}",
            f"--cluster={self.cluster}",
            f"--cloud-config={self._conf}",
            "--provide-controller-service",
            f"--http-endpoint=127.0.0.1:{self._port}",
            *arguments,
        ]
        with subprocess.Popen(command) as self.process:
            try:
                yield self
            finally:
                self.process.terminate()

    @contextlib.contextmanager
    def stub(self) -> Iterator[csi_pb2_grpc.ControllerStub]:
        with grpc.insecure_channel(f"unix://{self._socket}") as channel:
            yield csi_pb2_grpc.ControllerStub(channel)

    def readyz(self) -> tuple[int, str]:
        """Status and text of /readyz; status 0 while nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionRefusedError:
            return 0, ""
        finally:
            connection.close()

    def wait_ready(self) -> None:
        """Wait until it can do its work.

        :raises AssertionError: it cannot; with what it lacks.
        """
        assert becomes(lambda: self.readyz()[0] == 200), self.readyz()

    def refusal(self, word: str) -> tuple[int, str]:
        """Status and text of /readyz, once that has the word.

        :raises AssertionError: with what it says instead.
        """
        assert becomes(lambda: word in self.readyz()[1]), self.readyz()
        return self.readyz()
