# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that change in Keystone and in the file while volumes are made and deleted: nothing fails."""

from __future__ import annotations

import threading
import time
import uuid

import grpc
import openstack
import pytest

from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.own_controller import (
    OwnController,
    section,
    volume_request,
)
from ansible_collections.mooring.storage.tests.lab.lab_cloud import lab_cloud

# What the sidecars repeat without telling anybody.
REPEATED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED)
SECONDS = 90
WORKERS = 3


@pytest.fixture
def user():
    """A user of the driver's project, for this test alone; yields it and its Keystone."""
    with lab_cloud("admin") as admin:
        keystone = admin.identity
        project = keystone.find_project("demo", ignore_missing=False)
        role = keystone.find_role("member", ignore_missing=False)
        made = keystone.create_user(
            name=f"e2e-{uuid.uuid4().hex[:8]}", password="first", default_project_id=project.id
        )
        keystone.assign_project_role_to_user(project, made, role)
        yield made, keystone
        keystone.delete_user(made)


class Load:
    """Makes and deletes volumes, as the provisioner does; notes what failed in a way that it would tell."""

    def __init__(self, stub) -> None:
        self._stub = stub
        self._stop = threading.Event()
        self.done = 0
        self.repeated = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._work) for dummy in range(WORKERS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            made = self._call(self._stub.CreateVolume, volume_request())
            if made is not None:
                self._call(self._stub.DeleteVolume, csi.DeleteVolumeRequest(volume_id=made.volume.volume_id))

    def _call(self, method, request):
        end = time.monotonic() + SECONDS
        while True:
            try:
                answer = method(request, timeout=30)
            except grpc.RpcError as error:
                if error.code() not in REPEATED or time.monotonic() > end:
                    self.failed.append(f"{error.code()}: {error.details()}")
                    return None
                self.repeated += 1
                time.sleep(0.5)
            else:
                self.done += 1
                return answer


@pytest.fixture
def controller(tmp_path, cinder):
    made = OwnController(tmp_path)
    yield made
    assert becomes(lambda: not [v.id for v in cinder.volumes() if made.cluster in v.metadata.values()])


def goes_on(load, calls=6):
    """So many further calls succeed."""
    before = load.done
    return becomes(lambda: load.done >= before + calls or load.failed) and not load.failed


def test_a_password_is_rotated_while_volumes_are_made(controller, cloud, user):
    account, keystone = user
    controller.configure(section(cloud, username=account.name, password="first"))
    with controller.running(), controller.stub() as stub:
        controller.wait_ready()
        with Load(stub) as load:
            assert goes_on(load), load.failed
            keystone.update_user(account, password="second")
            # The file follows later, as a Secret does. Until then the old token may work: the services
            # remember for some minutes that it was good.
            time.sleep(5)
            controller.configure(section(cloud, username=account.name, password="second"))
            assert goes_on(load), load.failed
        assert load.failed == []
        assert controller.readyz() == (200, "ok\n")
        assert controller.process.poll() is None


def test_an_application_credential_is_replaced_and_no_call_notices(controller, cloud, user):
    account, dummy = user
    own = openstack.connection.Connection(
        auth_type="v3password",
        auth={**cloud["auth"], "username": account.name, "password": "first"},
        region_name=cloud["region_name"],
    )
    with own:

        def credential(name):
            made = own.identity.create_application_credential(own.current_user_id, name)
            none = {
                "username": "",
                "password": "",
                "tenant-name": "",
                "user-domain-id": "",
                "tenant-domain-id": "",
            }
            key = {
                "application-credential-id": made.id,
                "application-credential-secret": made.secret,
            }
            return made, section(cloud, **none, **key)

        first, conf = credential("first")
        controller.configure(conf)
        with controller.running(), controller.stub() as stub:
            controller.wait_ready()
            with Load(stub) as load:
                assert goes_on(load), load.failed
                dummy, conf = credential("second")
                controller.configure(conf)
                # The driver looks every five seconds.
                time.sleep(8)
                own.identity.delete_application_credential(own.current_user_id, first)
                assert goes_on(load), load.failed
            assert (load.failed, load.repeated) == ([], 0)
            assert controller.process.poll() is None
