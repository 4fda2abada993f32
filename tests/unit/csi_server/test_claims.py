# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims read from an API that is served here, over TLS."""

from __future__ import annotations

import http.server
import ssl
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server import claims
from ansible_collections.mooring.storage.csi_server.cannot_start import NotInCluster
from ansible_collections.mooring.storage.csi_server.claims import KubernetesClaims
from ansible_collections.mooring.storage.plugins.module_utils._cloud import errors
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.tests.unit.csi_server.certificates import Authority

GOOD = b'{"metadata": {"name": "data", "annotations": {"color": "green"}}}'


class Api(http.server.HTTPServer):
    """Gives every request the same answer, and keeps what was asked for."""

    status, body = 200, GOOD

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    authority = Authority(tmp_path, "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    (tmp_path / "token").write_text("secret\n")
    server = Api()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cluster(api: Api, tmp_path: Path) -> KubernetesClaims:
    (tmp_path / "ca.crt").touch()
    return KubernetesClaims("127.0.0.1", api.server_address[1], tmp_path)


def soon() -> Deadline:
    return Deadline.after(10)


def test_a_claims_annotations_are_read_as_the_service_account(
    api: Api, cluster: KubernetesClaims, tmp_path: Path
) -> None:
    assert cluster.annotations("apps", "data", soon()) == {"color": "green"}
    (tmp_path / "token").write_text("renewed")
    cluster.annotations("../..", "a/b", soon())
    claim = "/api/v1/namespaces/{}/persistentvolumeclaims/{}"
    assert api.asked == [
        (claim.format("apps", "data"), "Bearer secret"),
        (claim.format("..%2F..", "a%2Fb"), "Bearer renewed"),
    ]


def test_a_claim_may_have_none(api: Api, cluster: KubernetesClaims) -> None:
    api.body = b'{"metadata": {"name": "data"}}'
    assert cluster.annotations("apps", "data", soon()) == {}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, b"{}", errors.NotFound, "claim apps/data does not exist"),
        (403, b"{}", errors.Forbidden, "get on persistentvolumeclaims"),
        (401, b"{}", errors.Forbidden, "get on persistentvolumeclaims"),
        (500, b"{}", errors.Unavailable, "answered 500"),
        (429, b"{}", errors.Unavailable, "answered 429"),
        (200, b"nonsense", errors.Unavailable, "cannot be read"),
        (200, b"[]", errors.Unavailable, "cannot be read"),
        (200, b'{"metadata": {"annotations": 1}}', errors.Unavailable, "cannot be read"),
    ],
)
def test_what_else_the_api_may_say(
    api: Api, cluster: KubernetesClaims, status: int, body: bytes, kind: type[Exception], words: str
) -> None:
    api.status, api.body = status, body
    with pytest.raises(kind, match=words) as raised:
        cluster.annotations("apps", "data", soon())
    assert "secret" not in str(raised.value)


def test_another_authority_is_not_trusted(api: Api, cluster: KubernetesClaims, tmp_path: Path) -> None:
    Authority(tmp_path, "other").file.rename(tmp_path / "ca.crt")
    with pytest.raises(errors.Unavailable, match="certificate verify failed"):
        cluster.annotations("apps", "data", soon())
    assert api.asked == []


def test_an_api_that_is_not_there(tmp_path: Path) -> None:
    Authority(tmp_path, "ca")
    (tmp_path / "token").write_text("secret")
    with pytest.raises(errors.Unavailable, match="does not answer for claim apps/data"):
        KubernetesClaims("127.0.0.1", 1, tmp_path).annotations("apps", "data", soon())


@pytest.mark.parametrize("token", [b"secret\nhalf", b"secret\xff", "secret\u2028".encode()])
def test_what_is_no_token_is_told_without_it(
    api: Api, cluster: KubernetesClaims, tmp_path: Path, token: bytes
) -> None:
    (tmp_path / "token").write_bytes(token + b"more")
    with pytest.raises(errors.Unavailable, match="token is no token") as raised:
        cluster.annotations("apps", "data", soon())
    assert "secret" not in "".join(traceback.format_exception(raised.value))


def test_a_program_that_is_no_pod_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NotInCluster, match="KUBERNETES_SERVICE_HOST"):
        KubernetesClaims.of_this_pod()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "192.0.2.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(claims, "SERVICE_ACCOUNT", tmp_path)
    with pytest.raises(NotInCluster, match="token is not there"):
        KubernetesClaims.of_this_pod()
    (tmp_path / "token").write_text("secret")
    assert KubernetesClaims.of_this_pod().port == 443
