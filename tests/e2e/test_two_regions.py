# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One driver in two regions of a Keystone: each cloud's calls go to the services of its own region."""

from __future__ import annotations

import re
import threading
import uuid
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from ansible_collections.mooring.storage.tests.e2e.own_controller import (
    OwnController,
    make_and_delete,
    section,
)
from ansible_collections.mooring.storage.tests.lab.faults.proxy import Proxy

SERVICES = ("cinderv3", "nova")


@pytest.fixture
def requests(tmp_path):
    """Tells what was asked of the second region's services."""
    return tmp_path / "requests.log"


@pytest.fixture
def region(keystone, cloud, requests):
    """A second region, whose services are the first one's behind proxies; its name."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    with ExitStack() as made:
        log = made.enter_context(requests.open("w", buffering=1))
        keystone.create_region(id=name)
        made.callback(keystone.delete_region, name)
        for service in keystone.services():
            if service.name not in SERVICES:
                continue
            (first,) = keystone.endpoints(
                service_id=service.id, interface="public", region_id=cloud["region_name"]
            )
            place = urlsplit(first.url)
            proxy = Proxy(place.netloc, {}, None, 0, log)
            made.callback(proxy.server_close)
            made.callback(proxy.shutdown)
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            endpoint = keystone.create_endpoint(
                service_id=service.id,
                interface="public",
                region_id=name,
                url=first.url.replace(f"http://{place.netloc}", proxy.origin),
            )
            made.callback(keystone.delete_endpoint, endpoint)
        yield name


def test_each_cloud_has_its_region(tmp_path, cloud, cinder, region, requests):
    controller = OwnController(tmp_path)
    controller.configure(section(cloud), section(cloud, "second", region=region))
    with controller.running(), controller.stub() as stub:
        controller.wait_ready()
        first = make_and_delete(stub, cinder)
        second = make_and_delete(stub, cinder, cloud="second")
    asked = requests.read_text()
    assert re.search(f"DELETE .*/volumes/{second}", asked)
    assert first not in asked


def test_a_region_that_is_not_there_is_told(tmp_path, cloud):
    controller = OwnController(tmp_path)
    controller.configure(section(cloud, region="nowhere"))
    with controller.running():
        status, text = controller.refusal("nowhere")
        assert (status, cloud["region_name"] in text) == (503, True), text
