# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSI over TCP: volumes of the lab's Cinder, for clients that show a certificate, and for nobody else."""

from __future__ import annotations

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.tests.e2e.own_controller import (
    OwnController,
    free_port,
    make_and_delete,
    section,
)
from ansible_collections.mooring.storage.tests.unit.csi_server.certificates import Authority


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.fixture
def address(tmp_path, cloud, authority):
    """Where a driver serves over TCP."""
    controller = OwnController(tmp_path)
    controller.configure(section(cloud))
    certificate, key = authority.issue("driver")
    address = f"127.0.0.1:{free_port()}"
    with controller.running(
        f"--endpoint=tcp://{address}",
        f"--endpoint-tls-cert={certificate}",
        f"--endpoint-tls-key={key}",
        f"--endpoint-tls-client-ca={authority.file}",
    ):
        controller.wait_ready()
        yield address


def credentials(authority, of):
    """A client's, with a certificate that another authority may have made."""
    certificate, key = of.issue("client")
    return grpc.ssl_channel_credentials(
        authority.file.read_bytes(), key.read_bytes(), certificate.read_bytes()
    )


def test_who_shows_a_certificate_makes_volumes(address, authority, cinder):
    with grpc.secure_channel(address, credentials(authority, authority)) as channel:
        make_and_delete(csi_pb2_grpc.ControllerStub(channel), cinder)


@pytest.mark.parametrize("shown", ["nothing", "a stranger's"])
def test_nobody_else_is_answered(address, authority, tmp_path, shown):
    trusting = (
        grpc.ssl_channel_credentials(authority.file.read_bytes())
        if shown == "nothing"
        else credentials(authority, Authority(tmp_path, "stranger"))
    )
    for channel in (grpc.secure_channel(address, trusting), grpc.insecure_channel(address)):
        with channel, pytest.raises(grpc.RpcError) as refusal:
            csi_pb2_grpc.IdentityStub(channel).GetPluginInfo(csi.GetPluginInfoRequest(), timeout=10)
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
