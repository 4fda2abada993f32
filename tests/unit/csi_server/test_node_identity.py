# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.server
import json
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mooring.storage.csi_server import node_identity
from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.host.commands import Finished
from ansible_collections.mooring.storage.csi_server.host.errors import CommandFailed
from ansible_collections.mooring.storage.csi_server.node_identity import NodeIdentity, SourceSilent, Unknown
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import (
    VOLUME,
    Clock,
    Machine,
)

SERVER = "4f5bd6f4-95a4-4c58-a8f8-0d7f3c2ad2a1"
DOCUMENT = json.dumps({"uuid": SERVER, "availability_zone": "Zone one/a", "name": "node1"}).encode()


class Answers(http.server.BaseHTTPRequestHandler):
    status = 200
    body = DOCUMENT

    def do_GET(self) -> None:
        known = self.path == "/openstack/latest/meta_data.json"
        self.send_response(self.status if known else 404)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[tuple[int, type[Answers]]]:
    handler = type("Handler", (Answers,), {})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, handler
        server.shutdown()
        thread.join()


class Drive(Machine):
    """blkid and mount of a machine with a config drive, or without one.

    :ivar labelled: the names of the devices that have the label of one.
    """

    def __init__(
        self,
        root: Path,
        document: bytes = DOCUMENT,
        mountable: bool = True,
        labelled: Sequence[str] = ("sr0",),
    ) -> None:
        super().__init__(root)
        self._document, self._mountable, self.labelled = document, mountable, labelled
        self.unreadable: set[str] = set()
        self.plug("sr0")

    def ask(self) -> NodeIdentity:
        return node_identity.from_config_drive(self, self.devices())

    def run(
        self, argv: Sequence[str], accept: Collection[int] = (0,), timeout: float = 30.0, given: str = ""
    ) -> Finished:
        self.calls.append(list(argv))
        if argv[0] == "blkid":
            found = "".join(f"{self.dev}/{name}\n" for name in self.labelled)
            return Finished(0 if found else 2, found, "")
        if argv[0] == "mount":
            if not self._mountable or argv[-2] in self.unreadable:
                raise CommandFailed("mount ended with exit code 32: wrong fs type")
            folder = Path(argv[-1]) / "openstack/latest"
            folder.mkdir(parents=True)
            (folder / "meta_data.json").write_bytes(self._document)
        return Finished(0, "", "")


def test_the_first_source_that_answers_wins() -> None:
    def silent() -> NodeIdentity:
        raise SourceSilent("not here")

    found = node_identity.first_answer(
        ["dmi", "flag", "cloudInit"],
        {
            "dmi": silent,
            "flag": lambda: NodeIdentity("one", "", "flag"),
            "cloudInit": lambda: NodeIdentity("two", "", "cloudInit"),
        },
    )
    assert found.node_id == "one"


def test_an_id_without_a_zone_is_taken_when_no_better_source_has_come_up_in_time() -> None:
    def metadata() -> NodeIdentity:
        if clock.now() < up_at:
            raise SourceSilent("does not answer")
        return NodeIdentity(SERVER, "az1", "metadataService")

    clock, up_at = Clock(), 30.0
    until = Deadline.after(60, clock)
    dmi = NodeIdentity(SERVER, "", "dmi")
    sources: dict[str, node_identity.Source] = {"metadataService": metadata, "dmi": lambda: dmi}
    order = ["metadataService", "dmi"]
    assert node_identity.first_answer(order, sources) == dmi
    with pytest.raises(Unknown, match=r"dmi knows the id of this node, but no zone.*does not answer"):
        node_identity.first_answer(order, sources, until)
    assert node_identity.first_answer(["dmi", "metadataService"], sources, until) == dmi
    flag_and_dmi = {"flag": lambda: node_identity.from_flag(""), **sources}
    assert node_identity.first_answer(["flag", "dmi"], flag_and_dmi, until) == dmi
    clock.sleep(up_at)
    assert node_identity.first_answer(order, sources, until).zone == "az1"
    up_at = 1000.0
    clock.sleep(30)
    assert node_identity.first_answer(order, sources, until) == dmi


def test_when_none_answers_each_is_named_with_its_reason() -> None:
    with pytest.raises(Unknown, match=r"flag: --node-id is not given; dmi: .*--node-id"):
        node_identity.first_answer(
            ["flag", "dmi"],
            {
                "flag": lambda: node_identity.from_flag(""),
                "dmi": lambda: node_identity.from_dmi("/nonexistent"),
            },
        )


def test_every_name_has_a_source(tmp_path: Path) -> None:
    drive = Drive(tmp_path)
    assert set(node_identity.all_sources(drive, drive.devices())) == set(node_identity.ORDER)


def test_the_flag_may_be_any_id() -> None:
    assert node_identity.identify(["flag"], "bare-metal-7") == NodeIdentity("bare-metal-7", "", "flag")


def test_order() -> None:
    assert node_identity.parse_order(" dmi, flag ,") == ("dmi", "flag")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadataservice", "did you mean metadataService?"),
        ("zzz", "known are flag, configDrive"),
        (" ,", "empty"),
    ],
)
def test_order_with_a_mistake(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="source") as failure:
        node_identity.parse_order(text)
    assert message in str(failure.value)


def test_config_drive(tmp_path: Path) -> None:
    drive = Drive(tmp_path)
    assert drive.ask() == NodeIdentity(SERVER, "Zone-one-a", "configDrive")
    assert drive.programs() == ["blkid", "mount", "umount"]
    assert drive.calls[1][:5] == ["mount", "-t", "iso9660,vfat", "-o", "ro,nosuid,nodev,noexec"]
    assert not Path(drive.calls[1][-1]).exists()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"labelled": ()}, "no device has the label config-2"),
        ({"mountable": False}, "wrong fs type"),
        ({"document": b"<html>"}, "not JSON"),
        ({"document": b"[]"}, "not a JSON object"),
        ({"document": b'{"uuid": ""}'}, "its id ''"),
        ({"document": b'{"uuid": 7}'}, "its id 7"),
    ],
)
def test_config_drive_that_does_not_answer(tmp_path: Path, shape: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceSilent, match=reason):
        Drive(tmp_path, **shape).ask()


def test_a_volume_is_no_config_drive_whatever_it_carries(tmp_path: Path) -> None:
    drive = Drive(tmp_path, labelled=("vdb", "vdb1", "loop0"))
    drive.plug("vdb", VOLUME[:20])
    drive.plug("loop0")
    loop = drive.sys / "devices/virtual/block/loop0"
    loop.mkdir(parents=True)
    number = (drive.sys / "class/block/loop0/dev").read_text().strip()
    (drive.sys / "dev/block" / number).unlink()
    (drive.sys / "dev/block" / number).symlink_to(loop)
    with pytest.raises(SourceSilent, match=r"vdb is a volume; .*vdb1 is no whole disk.*loop0 is no whole"):
        drive.ask()
    assert drive.programs() == ["blkid"]
    drive.labelled = ("vdb", "sr0")
    assert drive.ask().node_id == SERVER


def test_a_config_drive_beside_a_device_that_is_none(tmp_path: Path) -> None:
    drive = Drive(tmp_path, labelled=("sdz", "sr0"))
    drive.unreadable.add(str(drive.plug("sdz")))
    assert drive.ask().node_id == SERVER


def test_config_drive_without_a_folder_to_mount_it_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(SourceSilent, match=r"no folder to mount .*/sr0 at"):
        Drive(tmp_path).ask()


def test_metadata_service(service: tuple[int, type[Answers]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    found = node_identity.from_metadata_service(5, "127.0.0.1", service[0])
    assert found == NodeIdentity(SERVER, "Zone-one-a", "metadataService")


def test_metadata_service_with_an_error(service: tuple[int, type[Answers]]) -> None:
    service[1].status = 503
    with pytest.raises(SourceSilent, match="answers 503"):
        node_identity.from_metadata_service(5, "127.0.0.1", service[0])


def test_metadata_service_that_is_not_there(service: tuple[int, type[Answers]]) -> None:
    with pytest.raises(SourceSilent, match="does not answer"):
        node_identity.from_metadata_service(5, "127.0.0.1", 1)


def test_cloud_init(tmp_path: Path) -> None:
    data = tmp_path / "instance-data.json"
    v1 = {"cloud_name": "openstack", "instance_id": SERVER, "availability_zone": "az1"}
    data.write_text(json.dumps({"v1": v1}))
    assert node_identity.from_cloud_init(str(data)) == NodeIdentity(SERVER, "az1", "cloudInit")
    data.write_text(json.dumps({"v1": {**v1, "cloud_name": "configdrive"}}))
    assert node_identity.from_cloud_init(str(data)) == NodeIdentity(SERVER, "az1", "cloudInit")
    data.write_text(json.dumps({"v1": {**v1, "cloud_name": "aws"}}))
    with pytest.raises(SourceSilent, match="of the cloud 'aws'"):
        node_identity.from_cloud_init(str(data))
    data.write_text(json.dumps({"v1": {**v1, "instance_id": "i-00000001"}}))
    with pytest.raises(SourceSilent, match="i-00000001"):
        node_identity.from_cloud_init(str(data))
    data.write_text("{}")
    with pytest.raises(SourceSilent, match="no object v1"):
        node_identity.from_cloud_init(str(data))


def test_dmi(tmp_path: Path) -> None:
    (tmp_path / "product_uuid").write_text(SERVER.upper() + "\n")
    with pytest.raises(SourceSilent, match="not of OpenStack"):
        node_identity.from_dmi(str(tmp_path))
    (tmp_path / "sys_vendor").write_text("RDO\n")
    (tmp_path / "product_name").write_text("OpenStack Compute\n")
    assert node_identity.from_dmi(str(tmp_path)) == NodeIdentity(SERVER, "", "dmi")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", f"kind: KubeletConfiguration\nproviderID: openstack:///{SERVER}\n"),
        ("config.yaml", f'{{"kind": "KubeletConfiguration", "providerID": "openstack://region/{SERVER}"}}'),
        ("kubeadm-flags.env", f'KUBELET_KUBEADM_ARGS="--v=2 --provider-id=openstack:///{SERVER} --v=4"\n'),
        ("kubeadm-flags.env", f"KUBELET_KUBEADM_ARGS=\"--provider-id openstack:///'{SERVER.upper()}'\"\n"),
    ],
)
def test_provider_id_that_the_kubelet_was_told(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = node_identity.identify(["providerID"], kubelet_folder=str(tmp_path))
    assert found == NodeIdentity(SERVER, "", "providerID")


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"# providerID: openstack:///{SERVER}\n",
        f"providerID: aws:///eu/{SERVER}\n",
        "providerID: openstack:///i-0000001\n",
        f"clusterDNS: openstack:///{SERVER}\n",
    ],
)
def test_a_kubelet_that_was_told_no_server(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(SourceSilent, match="no providerID openstack:///UUID in"):
        node_identity.from_kubelet(str(tmp_path))


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("nova", "nova"),
        ("az 1", "az-1"),
        ("-_x.y_-", "x.y"),
        ("é", ""),
        ("a" * 62 + ".b", "a" * 62),
        ("", ""),
    ],
)
def test_zone_as_label(zone: str, label: str) -> None:
    assert names.zone_label(zone) == label
