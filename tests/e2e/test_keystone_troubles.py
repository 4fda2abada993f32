# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller whose Keystone refuses it, or is down: it waits, says why it is not ready, and recovers."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from urllib.parse import urlsplit

import pytest

from ansible_collections.mooring.storage.tests.e2e.own_controller import OwnController, free_port, section


@pytest.fixture
def controller(cloud, tmp_path):
    """Starts a controller with the lab's credentials, some of them changed."""
    with contextlib.ExitStack() as running:

        def start(**changed):
            made = OwnController(tmp_path)
            made.configure(section(cloud, **changed))
            return running.enter_context(made.running())

        yield start


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
    status, text = controller(password="open-sesame").refusal("401")
    assert (status, "401" in text) == (503, True), text
    assert "open-sesame" not in text


def test_a_keystone_that_is_down_at_start_is_waited_for(controller, cloud):
    port = free_port()
    started = controller(**{"auth-url": f"http://127.0.0.1:{port}/v3"})
    status, text = started.refusal("refused")
    assert (status, "refused" in text) == (503, True), text
    with keystone_at(port, urlsplit(cloud["auth"]["auth_url"])):
        started.wait_ready()
