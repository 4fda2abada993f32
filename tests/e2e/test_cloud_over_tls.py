# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud of a private authority that wants to see a certificate of its clients: all of its services do."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from functools import partial

import pytest

from ansible_collections.mooring.storage.tests.e2e.own_controller import (
    OwnController,
    make_and_delete,
    section,
)
from ansible_collections.mooring.storage.tests.lab.faults.proxy import Proxy, before
from ansible_collections.mooring.storage.tests.unit.csi_server.certificates import Authority


class TlsProxy(Proxy):
    """Stands before a service of the lab, and speaks TLS."""

    scheme = "https"

    def __init__(self, service, renamed, context, log):
        super().__init__(service, renamed, None, 0, log)
        # The handshake is the handler's, in a thread of its own.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.fixture
def requests(tmp_path):
    """Tells what was asked of the services."""
    return tmp_path / "requests.log"


@pytest.fixture
def auth_url(connection, authority, requests):
    """Where that cloud's Keystone is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("service"))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    keystone = connection.config.get_auth_args()["auth_url"]
    services = [connection.endpoint_for(name) for name in ("block-storage", "compute")]
    with (
        requests.open("w", buffering=1) as log,
        before(keystone, services, partial(TlsProxy, context=context, log=log)) as url,
    ):
        yield url


@pytest.fixture
def controller(tmp_path, cloud, auth_url):
    """Starts a controller whose cloud.conf has further keys."""
    with ExitStack() as running:

        def start(**keys):
            made = OwnController(tmp_path)
            made.configure(section(cloud, **{"auth-url": auth_url, **keys}))
            return running.enter_context(made.running())

        yield start


def test_an_authority_that_is_not_trusted_is_told(controller, authority):
    certificate, key = authority.issue("driver")
    status, text = controller(**{"cert-file": certificate, "key-file": key}).refusal("certificate")
    assert (status, "CERTIFICATE_VERIFY_FAILED" in text) == (503, True), text


def test_a_certificate_that_is_missing_is_told(controller, authority):
    status, text = controller(**{"ca-file": authority.file}).refusal("certificate")
    assert (status, "certificate required" in text.lower()) == (503, True), text


def test_volumes_are_made_and_deleted(controller, authority, cinder, requests):
    certificate, key = authority.issue("driver")
    started = controller(**{"ca-file": authority.file, "cert-file": certificate, "key-file": key})
    started.wait_ready()
    with started.stub() as stub:
        volume = make_and_delete(stub, cinder)
    asked = requests.read_text()
    assert "POST /v3/auth/tokens" in asked
    assert f"DELETE /v3/volumes/{volume}" in asked
