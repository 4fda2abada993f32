# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's clouds, against a Keystone over HTTP: connecting, choosing, taking over changes."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mooring.storage.csi_server import cloud_access, cloud_link
from ansible_collections.mooring.storage.csi_server.block.controller_part import BlockCloud
from ansible_collections.mooring.storage.csi_server.cloud_access import CloudAccess
from ansible_collections.mooring.storage.csi_server.config.cloud_files import (
    CloudFiles,
    Configuration,
)
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics
from ansible_collections.mooring.storage.csi_server.rpc.readiness import Readiness
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import InvalidRequest, Unavailable
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server import scraped

from .certificates import Authority
from .fake_keystone import FakeKeystone


def becomes(check: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for a true answer, and return it; the last answer when none was."""
    end = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < end:
        time.sleep(0.01)
    return answer


class Access:
    """A CloudAccess under test and its cloud.conf."""

    def __init__(self, path: Path, attach: str = "nova") -> None:
        self.path = path
        self.readiness = Readiness()
        self.metrics = Metrics()
        self.files = CloudFiles([str(path)])
        self.clouds = CloudAccess(
            self.files, "test", 8, 30.0, self.readiness, self.metrics, ["east/1.0", "blue"], attach
        )

    def write(self, *sections: str) -> None:
        """As Kubernetes changes a mounted Secret: another file takes the name in one step."""
        new = self.path.with_suffix(".new")
        new.write_text("\n".join(sections))
        new.rename(self.path)

    def start(self, *sections: str) -> None:
        self.write(*sections)
        self.clouds.start()

    def cloud(self, name: str = "") -> BlockCloud:
        return self.clouds.of({"cloud": name} if name else {})

    def connected(self, *names: str) -> bool:
        """Whether all of these clouds are served, after a while."""
        parts = [f"cloud {name}" if name else "cloud" for name in names]
        return bool(becomes(lambda: all(self.readiness.parts().get(part) == "" for part in parts)))

    def remarked(self) -> str:
        return "\n".join(self.readiness.remarked())

    def reasons(self) -> str:
        return "\n".join(self.readiness.reasons())


def listed(cloud: BlockCloud, name: str, seconds: float = 20) -> int:
    """How many volumes of a name a cloud lists."""
    return len(cloud.volumes._volumes.named(name, Deadline.after(seconds)))


@pytest.fixture
def keystone() -> Iterator[FakeKeystone]:
    cloud = FakeKeystone()
    cloud.passwords = {"one": "p1", "two": "p2"}
    cloud.volumes = {"one": ["a"], "two": ["b", "b"]}
    with cloud.running():
        yield cloud


@pytest.fixture
def access(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Access]:
    monkeypatch.setattr(cloud_access, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(cloud_link, "FIRST_PAUSE", 0.05)
    made = Access(tmp_path / "cloud.conf")
    yield made
    made.clouds.stop()


def test_the_cloud_learns_who_asks(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    listed(access.cloud(), "a")
    assert keystone.user_agents
    assert all(agent.startswith("mooring.storage east/1.0 blue ") for agent in keystone.user_agents)


def test_a_token_is_counted_when_it_is_given_and_when_it_is_refused(
    keystone: FakeKeystone, access: Access
) -> None:
    keystone.passwords["one"] = "good"
    access.start(keystone.conf("one", password="bad"))
    assert becomes(lambda: "401" in access.reasons())
    refused = {"request": "token_create", "error": "CredentialRefused"}
    assert (scraped.value(access.metrics, "openstack_api_request_failures_total", refused) or 0) >= 1
    access.write(keystone.conf("one"))
    assert access.connected("")
    asked = {"request": "token_create"}
    total = scraped.value(access.metrics, "openstack_api_requests_total", asked)
    failed = scraped.value(access.metrics, "openstack_api_request_errors_total", asked)
    assert total is not None
    assert failed is not None
    assert total - failed == keystone.granted == 1


def test_the_secret_chooses_the_cloud(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one"), keystone.conf("two", "second"))
    assert access.connected("", "second")
    assert listed(access.cloud(), "a") == 1
    assert listed(access.cloud("second"), "b") == 2
    assert list(access.clouds.all()) == ["", "second"]
    with pytest.raises(InvalidRequest, match=r"cloud is 'third': known are '', 'second'"):
        access.cloud("third")


def test_without_an_unnamed_section_the_first_one_serves_requests_without_a_secret(
    keystone: FakeKeystone, access: Access
) -> None:
    access.start(keystone.conf("two", "second"), keystone.conf("one", "first"))
    assert access.connected("second", "first")
    assert access.cloud() is access.cloud("second")


def test_a_cloud_that_is_down_is_told_and_stops_no_other(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one"), keystone.conf("two", "down", password="wrong"))
    assert access.connected("")
    assert becomes(lambda: "cloud down: " in access.remarked() and "401" in access.remarked())
    assert access.reasons() == ""
    with pytest.raises(Unavailable, match=r"the cloud down cannot be reached: .*401"):
        access.cloud("down")
    with pytest.raises(Unavailable, match="the cloud down"):
        access.clouds.all()["down"]()


def test_no_cloud_at_all_is_not_ready(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one", password="wrong"))
    assert becomes(lambda: "401" in access.reasons())
    access.write(keystone.conf("one"))
    assert access.connected("")
    assert becomes(lambda: access.reasons() == "")


def test_clouds_come_and_go_with_the_file(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    first = access.cloud()
    access.write(keystone.conf("one"), keystone.conf("two", "second"))
    assert access.connected("second")
    access.write(keystone.conf("one"))
    assert becomes(lambda: list(access.clouds.all()) == [""])
    assert becomes(lambda: "cloud second" not in access.readiness.parts())
    assert access.cloud() is first


def test_a_file_that_cannot_be_used_changes_nothing_and_is_told(
    keystone: FakeKeystone, access: Access
) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    access.write("[Global]\nauth-ulr = x\n")
    assert becomes(lambda: "unknown key auth-ulr" in access.remarked())
    assert access.reasons() == ""
    assert listed(access.cloud(), "a") == 1
    access.write(keystone.conf("one"))
    assert becomes(lambda: access.remarked() == "")


def test_a_further_cloud_that_cannot_be_used_is_told_and_stops_nothing(
    keystone: FakeKeystone, access: Access
) -> None:
    broken = '[Global "second"]\nauth-url = http://k\n'
    access.start(keystone.conf("one"), broken)
    assert '[Global "second"] has no credential' in access.remarked()
    assert access.connected("")
    access.write(keystone.conf("one"), keystone.conf("two", "second"))
    assert access.connected("second")
    assert becomes(lambda: access.remarked() == "")
    cloud = access.cloud("second")
    access.write(keystone.conf("one"), broken)
    assert becomes(lambda: "no credential" in access.remarked())
    assert access.cloud("second") is cloud


def test_cloud_conf_comes_before_the_entry_of_clouds_yaml(
    keystone: FakeKeystone, access: Access, tmp_path: Path
) -> None:
    auth = {
        "auth_url": f"{keystone.url}/v3",
        "username": "one",
        "password": "wrong",
        "project_name": "one",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(json.dumps({"clouds": {"it": {"auth": auth, "region_name": "Elsewhere"}}}))
    access.start(
        f"[Global]\nuse-clouds=true\ncloud=it\nclouds-file={clouds}\nregion=RegionOne\npassword=p1\n"
    )
    assert access.connected("")


def test_new_credentials_that_are_refused_leave_the_old_ones_in_use(
    keystone: FakeKeystone, access: Access
) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    access.write(keystone.conf("one", password="wrong"))
    assert becomes(lambda: "401" in access.remarked())
    assert access.reasons() == ""
    assert listed(access.cloud(), "a") == 1


def test_new_credentials_of_the_same_project_keep_what_was_learned(
    keystone: FakeKeystone, access: Access
) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    cloud = access.cloud()
    keystone.change_password("one", "p9")
    access.write(keystone.conf("one"))
    # The old connection's token is void: an answer can come through the new one alone.
    assert listed(cloud, "a") == 1
    assert access.cloud() is cloud


def test_another_project_is_for_new_calls_alone(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    in_flight = access.cloud()
    access.write(keystone.conf("two"))
    assert becomes(lambda: access.cloud() is not in_flight)
    assert listed(access.cloud(), "b") == 2
    assert listed(in_flight, "a") == 1


def test_a_call_in_flight_waits_for_the_new_password(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    cloud, answers = access.cloud(), []
    keystone.change_password("one", "p9")
    calls = [threading.Thread(target=lambda: answers.append(listed(cloud, "a"))) for dummy in range(8)]
    for call in calls:
        call.start()
    assert becomes(lambda: "401" in access.reasons())
    with pytest.raises(Unavailable, match="401"):
        access.cloud()
    access.write(keystone.conf("one"))
    for call in calls:
        call.join(20)
    assert answers == [1] * 8
    assert access.connected("")
    assert access.cloud() is cloud


def test_a_refused_password_is_not_repeated_by_every_call(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one"))
    assert access.connected("")
    cloud = access.cloud()
    keystone.change_password("one", "p9")
    with pytest.raises(Unavailable, match="401"):
        listed(cloud, "a", seconds=1)
    for dummy in range(20):
        with pytest.raises(Unavailable, match="401"):
            access.cloud()
    # By the token's renewal, and by the link.
    assert keystone.refused <= 2


def test_the_link_does_not_repeat_a_refused_password_until_there_is_another(
    keystone: FakeKeystone, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_link, "LONGEST_PAUSE", 0.05)
    looks = counted_looks(access, monkeypatch)
    access.start(keystone.conf("one", password="wrong"))
    assert becomes(lambda: "401" in access.reasons())
    seen = len(looks)
    assert becomes(lambda: len(looks) > seen + 10)
    assert keystone.refused == 1
    access.write(keystone.conf("one"))
    assert access.connected("")
    assert keystone.refused == 1


def test_a_refused_password_is_tried_again_after_a_while(
    keystone: FakeKeystone, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_link, "REFUSED_PAUSE", 0.05)
    access.start(keystone.conf("one", password="p9"))
    assert becomes(lambda: "401" in access.reasons())
    keystone.change_password("one", "p9")
    assert access.connected("")


def counted_looks(access: Access, monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """What each look at the files finds, from now on."""
    found: list[Configuration] = []
    read = access.files.read

    def counted() -> Configuration:
        found.append(read())
        return found[-1]

    monkeypatch.setattr(access.files, "read", counted)
    return found


def test_refusals_are_counted_from_nothing(access: Access) -> None:
    refused = {"request": "token_create", "error": "CredentialRefused"}
    assert scraped.value(access.metrics, "openstack_api_request_failures_total", refused) == 0


def test_a_region_that_the_catalog_does_not_have_is_told(keystone: FakeKeystone, access: Access) -> None:
    access.start(keystone.conf("one", region="nowhere"))
    assert becomes(lambda: "find Cinder in the catalog" in access.reasons()), access.reasons()
    assert "no public endpoint in region 'nowhere'" in access.reasons()
    assert "in the regions RegionOne" in access.reasons()


def test_without_nova_a_cloud_serves_nodes_that_connect_by_themselves(
    keystone: FakeKeystone, access: Access, tmp_path: Path
) -> None:
    keystone.has_nova = False
    access.start(keystone.conf("one"))
    assert becomes(lambda: "find Nova in the catalog" in access.reasons())
    alone = Access(tmp_path / "alone.conf", "cinder")
    alone.start(keystone.conf("one"))
    assert alone.connected("")
    assert listed(alone.cloud(), "a") == 1
    alone.clouds.stop()


def test_what_nobody_foresaw_is_told_without_its_text_and_tried_again(
    keystone: FakeKeystone, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise ValueError("s3cret")

    connect = cloud_link.connect
    monkeypatch.setattr(cloud_link, "connect", refuse)
    access.start(keystone.conf("one"))
    assert becomes(lambda: "unexpected ValueError at test_cloud_access.py:" in access.reasons())
    assert "s3cret" not in access.reasons()
    monkeypatch.setattr(cloud_link, "connect", connect)
    assert access.connected("")


def test_a_look_at_the_files_that_fails_is_not_the_last_one(
    keystone: FakeKeystone, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Configuration:
        raise ValueError("s3cret")

    access.start(keystone.conf("one"))
    assert access.connected("")
    with monkeypatch.context() as broken:
        broken.setattr(access.files, "read", refuse)
        assert becomes(lambda: "unexpected ValueError" in access.remarked())
        assert "s3cret" not in access.remarked()
    access.write(keystone.conf("one"), keystone.conf("two", "second"))
    assert access.connected("second")
    assert becomes(lambda: access.remarked() == "")


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[FakeKeystone]:
    """A cloud whose certificate is of an authority of its own, and that asks clients for theirs."""
    authority = Authority(tmp_path, "cloud-ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("cloud"))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue("client")
    cloud = FakeKeystone(context)
    cloud.passwords, cloud.volumes = {"one": "p1"}, {"one": ["a"]}
    with cloud.running():
        yield cloud


def tls(folder: Path, ca: str) -> dict[str, str]:
    files = {"ca-file": f"{ca}.crt", "cert-file": "client.crt", "key-file": "client.key"}
    return {key: str(folder / name) for key, name in files.items()}


def test_a_private_authority_and_a_client_certificate(
    secure: FakeKeystone, access: Access, tmp_path: Path
) -> None:
    access.start(secure.conf("one", **tls(tmp_path, "cloud-ca")))
    assert access.connected("")
    assert listed(access.cloud(), "a") == 1


def test_a_wrong_authority_is_told_until_its_file_is_the_right_one(
    secure: FakeKeystone, access: Access, tmp_path: Path
) -> None:
    wrong = Authority(tmp_path, "wrong")
    access.start(secure.conf("one", **tls(tmp_path, "wrong")))
    assert becomes(lambda: "certificate verify failed" in access.reasons())
    wrong.file.write_bytes((tmp_path / "cloud-ca.crt").read_bytes())
    assert access.connected("")


@pytest.mark.parametrize("key", ["ca-file", "cert-file"])
def test_a_file_that_is_missing_is_told_until_it_is_there(
    secure: FakeKeystone, access: Access, tmp_path: Path, key: str
) -> None:
    files = tls(tmp_path, "cloud-ca")
    late = tmp_path / "late.pem"
    access.start(secure.conf("one", **{**files, key: str(late)}))
    assert becomes(lambda: "late.pem" in access.reasons())
    late.write_bytes(Path(files[key]).read_bytes())
    assert access.connected("")


def test_without_the_client_certificate_the_cloud_refuses(
    secure: FakeKeystone, access: Access, tmp_path: Path
) -> None:
    access.start(secure.conf("one", **{"ca-file": str(tmp_path / "cloud-ca.crt")}))
    assert becomes(lambda: "cannot get a token from Keystone" in access.reasons())
