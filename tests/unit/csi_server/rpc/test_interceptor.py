# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds an RPC: statuses, and that no secret reaches the log."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.host import errors as host
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.csi_server.rpc.interceptor import Calls
from ansible_collections.mooring.storage.csi_server.rpc.logs import JsonLines, TextLines
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.redaction import redacted
from ansible_collections.mooring.storage.csi_server.rpc.server import listen
from ansible_collections.mooring.storage.csi_server.rpc.status import status_of
from ansible_collections.mooring.storage.plugins.module_utils._cloud import errors as cloud

SECRET = "s3cret-value"


class Raising(csi_pb2_grpc.ControllerServicer):
    """Raises what it is told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def DeleteVolume(
        self, request: csi.DeleteVolumeRequest, context: grpc.ServicerContext
    ) -> csi.DeleteVolumeResponse:
        raise self.error


def call(error: Exception, folder: Path) -> grpc.RpcError:
    socket = folder / "s"
    server = listen(str(socket), 2, [Calls(Metrics())])
    csi_pb2_grpc.add_ControllerServicer_to_server(Raising(error), server)
    server.start()
    try:
        with grpc.insecure_channel(f"unix://{socket}") as channel, pytest.raises(grpc.RpcError) as raised:
            csi_pb2_grpc.ControllerStub(channel).DeleteVolume(
                csi.DeleteVolumeRequest(volume_id="v", secrets={"password": SECRET})
            )
    finally:
        server.stop(0).wait()
    return raised.value


def test_a_known_error_keeps_its_words(tmp_path: Path) -> None:
    error = call(cloud.QuotaExceeded("no more gigabytes", "req-1"), tmp_path)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "no more gigabytes (request req-1)"


def test_an_unknown_error_keeps_its_words_to_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    error = call(ValueError(SECRET), tmp_path)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert SECRET not in error.details()
    assert "ValueError" in caplog.text


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_no_secret_in_any_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: logging.Formatter
) -> None:
    with caplog.at_level(logging.DEBUG):
        call(cloud.NotFound("volume v does not exist"), tmp_path)
    lines = [form.format(record) for record in caplog.records if "interceptor" in record.name]
    assert any("DeleteVolume" in line and "NOT_FOUND" in line for line in lines)
    assert SECRET not in "\n".join(lines)


def test_a_json_line_is_json(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    call(cloud.Busy("busy"), tmp_path)
    line = json.loads(JsonLines().format([r for r in caplog.records if "interceptor" in r.name][-1]))
    assert (line["message"], line["code"], line["volume_id"]) == ("DeleteVolume", "ABORTED", "v")


def test_secrets_are_hidden_at_any_depth_and_the_request_stays() -> None:
    request = csi.NodeStageVolumeRequest(volume_id="v", secrets={"key": SECRET}, publish_context={"a": "b"})
    shown = redacted(request)
    assert SECRET not in str(shown)
    assert "key" in str(shown)
    assert request.secrets["key"] == SECRET


@pytest.mark.parametrize("module", [cloud, host])
def test_every_error_has_a_status_that_says_something(module: object) -> None:
    kinds = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Exception)]
    for kind in kinds:
        code, words = status_of(kind("words"))
        assert code is not grpc.StatusCode.UNKNOWN
        assert "words" in words, kind
