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
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ansible_collections.mooring.storage.csi_server.host import errors as host
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2_grpc
from ansible_collections.mooring.storage.csi_server.rpc.interceptor import Calls
from ansible_collections.mooring.storage.csi_server.rpc.logs import JsonLines, TextLines
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.redaction import redacted, without_secrets
from ansible_collections.mooring.storage.csi_server.rpc.server import listen
from ansible_collections.mooring.storage.csi_server.rpc.status import status_of
from ansible_collections.mooring.storage.plugins.module_utils._cloud import errors as cloud
from ansible_collections.mooring.storage.tests.unit.csi_server.conftest import Driver

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


@pytest.mark.parametrize("character", ["x", "%", "\n", "é", "漢", "\U0001f4a9"])
def test_a_long_error_arrives_cut(character: str, tmp_path: Path) -> None:
    error = call(cloud.QuotaExceeded(character * 20_000), tmp_path)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(error.details() or "") > 300
    assert set(error.details() or "") == {character}


def test_a_known_error_keeps_its_words(tmp_path: Path) -> None:
    error = call(cloud.QuotaExceeded("no more gigabytes", "req-1"), tmp_path)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "no more gigabytes (request req-1)"


def test_an_unknown_error_keeps_its_words_to_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    error = call(ValueError(SECRET), tmp_path)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert SECRET not in error.details()
    (raised,) = [record.traceback for record in caplog.records if hasattr(record, "traceback")]
    assert "ValueError: ***" in raised
    assert SECRET not in raised


def test_what_an_error_quotes_of_a_secret_reaches_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = call(cloud.Forbidden(f"the key {SECRET} is refused"), tmp_path)
    assert error.details() == "the key *** is refused"
    assert SECRET not in "\n".join(str(vars(record)) for record in caplog.records)


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


def messages() -> list[type[Message]]:
    """Every message of the CSI proto."""
    return [GetMessageClass(descriptor) for descriptor in csi.DESCRIPTOR.message_types_by_name.values()]


def filled(kind: type[Message], depth: int = 4) -> Message:
    """A message with each of its fields set, texts and maps to the secret."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        nested = field.message_type
        if nested is not None and nested.GetOptions().map_entry:
            getattr(message, field.name)["key"] = SECRET
        elif nested is not None and depth and nested.file is csi.DESCRIPTOR:
            inner = filled(GetMessageClass(nested), depth - 1)
            target = getattr(message, field.name)
            target.append(inner) if field.is_repeated else target.CopyFrom(inner)
        elif field.type == field.TYPE_STRING and field.GetOptions().Extensions[csi.csi_secret]:
            setattr(message, field.name, SECRET)
    return message


def secrets_in(message: Message, path: str = "") -> list[str]:
    """Where the secret stands in fields that are marked, or carry credentials."""
    found = []
    for field, value in message.ListFields():
        here = f"{path}.{field.name}"
        secret = field.GetOptions().Extensions[csi.csi_secret] or field.name == "publish_context"
        if secret and SECRET in str(value):
            found.append(here)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for each in value if field.is_repeated else [value]:
                found += secrets_in(each, here)
    return found


def test_every_message_loses_its_secrets_at_any_depth() -> None:
    with_secrets = [message for kind in messages() if secrets_in(message := filled(kind))]
    # Each request with secrets, and what has publish_context.
    assert len(with_secrets) > 20
    for message in with_secrets:
        assert secrets_in(redacted(message)) == [], type(message).__name__
        assert SECRET not in without_secrets(f"it is {SECRET}.", message)


def test_the_login_to_an_array_is_not_shown() -> None:
    request = csi.NodeStageVolumeRequest(publish_context={"auth_password": SECRET, "serial": "v"})
    assert SECRET not in str(redacted(request))
    assert "auth_password" in str(redacted(request))


def test_credentials_inside_of_a_value_are_not_quoted_either() -> None:
    connection = {"data": {"auth_password": SECRET, "target_portals": ["10.0.0.1:3260"]}}
    request = csi.NodeStageVolumeRequest(publish_context={"connection": json.dumps(connection)})
    words = f"login with {SECRET} to 10.0.0.1:3260 failed"
    assert without_secrets(words, request) == "login with *** to 10.0.0.1:3260 failed"


def test_names_and_short_values_stay_in_a_text() -> None:
    request = csi.DeleteVolumeRequest(secrets={"cloud": "east", "pin": "123", "key": "east-wing"})
    assert without_secrets("east has 123 of east-wing", request) == "east has 123 of ***"


def record(**extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": "Method", "levelname": "INFO", "created": 0.0, **extra})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("pvc-1", "pvc-1"),
        (0.25, "0.25"),
        (["req-1", "req-2"], "req-1,req-2"),
        ("no more gigabytes", '"no more gigabytes"'),
        ("a\nlevel=error forged", '"a\\nlevel=error forged"'),
        ('say "so"', '"say \\"so\\""'),
        ("", '""'),
        ("a=b", '"a=b"'),
    ],
)
def test_a_value_of_a_text_line_is_told_from_the_next(value: object, written: str) -> None:
    line = TextLines().format(record(first=value, second="x"))
    assert line == f"1970-01-01T00:00:00.000+00:00 info Method first={written} second=x"


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_a_record_is_one_line(form: logging.Formatter) -> None:
    with pytest.raises(ValueError, match="first") as raised:
        raise ValueError("first\nsecond")
    error = (raised.type, raised.value, raised.tb)
    line = form.format(record(msg="of\r\ntwo lines", object="a\u2028b\nc", exc_info=error))
    assert len(line.splitlines()) == 1
    assert "Traceback" in line


def test_the_line_of_a_create_tells_what_was_made(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    mode = csi.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER
    capability = csi.VolumeCapability(
        mount=csi.VolumeCapability.MountVolume(), access_mode=csi.VolumeCapability.AccessMode(mode=mode)
    )
    with caplog.at_level(logging.INFO):
        made = driver.controller.CreateVolume(
            csi.CreateVolumeRequest(name="pvc-1", volume_capabilities=[capability])
        )
    line = json.loads(JsonLines().format([r for r in caplog.records if "interceptor" in r.name][-1]))
    assert (line["message"], line["object"], line["code"]) == ("CreateVolume", "pvc-1", "OK")
    assert line["volume_id"] == made.volume.volume_id
    assert line["seconds"] >= 0
    assert [each[:4] for each in line["openstack_requests"]] == ["req-"] * len(driver.cloud.calls)


@pytest.mark.parametrize("module", [cloud, host])
def test_every_error_has_a_status_that_says_something(module: object) -> None:
    kinds = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Exception)]
    for kind in kinds:
        code, words = status_of(kind("words"))
        assert code is not grpc.StatusCode.UNKNOWN
        assert "words" in words, kind
