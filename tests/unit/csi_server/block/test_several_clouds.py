# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each RPC that is given secrets works in the cloud that they name."""

from __future__ import annotations

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

from .. import whole
from ..conftest import Driver
from .test_controller import create

CONTROLLER, GROUPS = (csi.DESCRIPTOR.services_by_name[name] for name in ("Controller", "GroupController"))
METHODS = {
    method.name: method
    for method in (*CONTROLLER.methods, *GROUPS.methods)
    if "secrets" in method.input_type.fields_by_name
}


@pytest.mark.parametrize("name", METHODS)
def test_the_secrets_choose_the_cloud(driver: Driver, name: str) -> None:
    volume = create(driver, "pvc-1").volume_id
    driver.clouds.down = "west"
    request = {**whole.of_controller(volume, "server-1"), **whole.of_groups(volume)}[name]
    request.secrets["cloud"] = "west"  # type: ignore[attr-defined]
    method = METHODS[name]
    call = driver.channel.unary_unary(f"/{method.containing_service.full_name}/{name}")
    with pytest.raises(grpc.RpcError) as refused:
        call(request.SerializeToString(), timeout=10)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "the cloud west cannot be reached" in refused.value.details()
