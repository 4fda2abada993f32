# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller whose Keystone refuses it, or is down: it waits, says why it is not ready, and recovers."""

from __future__ import annotations

import contextlib
import http.client
import socket
import socketserver
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.objects import DRIVER


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def controller(cloud, tmp_path):
    """Starts a controller with the lab's credentials, some of them changed; returns its readyz()."""
    with contextlib.ExitStack() as running:

        def start(**changed):
            auth = {**cloud["auth"], **changed}
            (tmp_path / "cloud.conf").write_text(
                "[Global]\n"
                f'auth-url = "{auth["auth_url"]}"\n'
                f'username = "{auth["username"]}"\n'
                f'password = "{auth["password"]}"\n'
                f'tenant-name = "{auth["project_name"]}"\n'
                f'user-domain-id = "{auth["user_domain_id"]}"\n'
                f'tenant-domain-id = "{auth["project_domain_id"]}"\n'
                f'region = "{cloud["region_name"]}"\n'
            )
            port = free_port()
            command = [
                *(sys.executable, "-m", "ansible_collections.mooring.storage.csi_server"),
                f"--endpoint=unix://{tmp_path}/csi.sock",
                f"--driver-name={DRIVER}",
                "--cluster=e2e",
                f"--cloud-config={tmp_path}/cloud.conf",
                "--provide-controller-service",
                f"--http-endpoint=127.0.0.1:{port}",
            ]
            process = running.enter_context(subprocess.Popen(command))
            running.callback(process.terminate)
            return lambda: readyz(port)

        yield start


def readyz(port):
    """Status and text of /readyz; status 0 while nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except ConnectionRefusedError:
        return 0, ""
    finally:
        connection.close()


def answer(ready, status, word=""):
    """What /readyz says once it has this status and this word, or after a minute."""
    becomes(lambda: (now := ready())[0] == status and word in now[1])
    return ready()


@contextlib.contextmanager
def keystone_at(port, real):
    """The lab's Keystone at another port of this machine."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection((real.hostname, real.port), timeout=20) as upstream:
                back = threading.Thread(target=_copy, args=(upstream, self.request), daemon=True)
                back.start()
                _copy(self.request, upstream)
                back.join(20)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Forward)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_a_wrong_password_is_told_and_never_repeated(controller):
    status, text = answer(controller(password="open-sesame"), 503, "401")
    assert (status, "401" in text) == (503, True), text
    assert "open-sesame" not in text


def test_a_keystone_that_is_down_at_start_is_waited_for(controller, cloud):
    port = free_port()
    ready = controller(auth_url=f"http://127.0.0.1:{port}/v3")
    status, text = answer(ready, 503, "refused")
    assert (status, "refused" in text) == (503, True), text
    with keystone_at(port, urlsplit(cloud["auth"]["auth_url"])):
        status, text = answer(ready, 200)
        assert status == 200, text
