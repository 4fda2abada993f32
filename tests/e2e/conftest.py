# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cloud and cluster, and a place in them that must be as empty afterwards as before."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from functools import partial

import pytest
import yaml

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.tests.e2e import node_states, objects
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB, lab_cloud

BEGAN = pytest.StashKey[float]()


def pytest_itemcollected(item):
    """What fails while a node's kernel hangs says nothing of the driver: it is run again, once."""
    item.add_marker(pytest.mark.flaky(reruns=1, condition=partial(hung_meanwhile, item)))


def hung_meanwhile(item):
    return node_states.has_hung_since(item.stash[BEGAN])


def pytest_runtest_setup(item):
    item.stash[BEGAN] = time.time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Adds how the nodes are to what failed."""
    report = yield
    if report.failed:
        report.sections.append(("nodes", node_states.ask_all()))
    return report


def volumes(cinder):
    """The ids of all volumes of the driver's project."""
    return {volume.id for volume in cinder.volumes(details=False)}


def claimed(cinder, namespace):
    """The ids of the volumes that were made for claims of a namespace."""
    return {v.id for v in cinder.volumes() if v.metadata.get(names.CLAIM_NAMESPACE) == namespace}


def becomes(check, seconds=180):
    """Wait for a true answer, and return it; the last answer when none was."""
    deadline = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


def assert_says(ask, *words):
    """Wait until a text has all the words: what a user reads first may be about something that passes."""
    assert becomes(lambda: all(word in ask() for word in words)), f"not all of {words} in {ask()!r}"


@pytest.fixture(scope="session")
def cloud():
    """The settings of the driver's user."""
    return yaml.safe_load((LAB / "etc" / "clouds.yaml").read_text())["clouds"]["demo"]


@pytest.fixture
def connection():
    """The cloud, as the driver's user."""
    with lab_cloud() as connection:
        yield connection


@pytest.fixture(scope="session")
def second_account():
    """The settings of the user of a project that has no server."""
    return yaml.safe_load((LAB / "etc" / "clouds.yaml").read_text())["clouds"]["second"]


@pytest.fixture(scope="session")
def second_project():
    """The cloud, as that user."""
    with lab_cloud("second") as connection:
        assert list(connection.compute.servers()) == []
        yield connection


@pytest.fixture
def cinder(connection):
    """Cinder's own API."""
    return connection.block_storage


@pytest.fixture
def admin():
    """Cinder's own API, as the cloud's administrator."""
    with lab_cloud("admin") as connection:
        yield connection.block_storage


@pytest.fixture
def keystone():
    """Keystone, as its administrator."""
    with lab_cloud("admin") as connection:
        yield connection.identity


@pytest.fixture
def compute(connection):
    """Nova's own API."""
    return connection.compute


@pytest.fixture(scope="session")
def namespaces():
    """The names of the tests' namespaces. Kubernetes takes its time to delete one, and tests do not wait."""
    made = []
    yield made
    if made:
        kubectl("wait", "--for=delete", "--timeout=300s", *(f"namespace/{name}" for name in made))


@pytest.fixture
def namespace(cinder, cluster_wide, namespaces):
    """A namespace of the test's own. Nothing of its claims may be left in Cinder at the end."""
    made = f"e2e-{uuid.uuid4().hex[:8]}"
    namespaces.append(made)
    kubectl("create", "namespace", made)
    yield made
    kubectl("delete", "namespace", made, "--wait=false")
    assert becomes(lambda: not claimed(cinder, made), 300), f"left behind: {claimed(cinder, made)}"


@pytest.fixture
def cluster_wide():
    """Makes objects that are in no namespace, such as classes, and deletes them again at the end.

    Later than the namespace: a VolumeAttributesClass stays as long as a claim has it.
    """
    made = []

    def make(*bodies):
        made.extend(bodies)
        objects.apply(*bodies)

    yield make
    for body in made:
        objects.delete(body["kind"], body["metadata"]["name"])


@pytest.fixture
def iscsi_class(second_project, namespace, cluster_wide):
    """Makes a class of iSCSI volumes for a driver of that project. Nothing of its claims may be left."""
    drivers = []

    def make(driver):
        drivers.append(driver)
        cluster_wide(objects.storage_class(namespace, {"type": "iscsi"}, provisioner=driver))
        return namespace

    yield make
    kubectl("delete", "pods,pvc", "--all", "--namespace", namespace, "--timeout=300s")
    found = second_project.block_storage
    assert becomes(lambda: not claimed(found, namespace)), claimed(found, namespace)
    for driver in drivers:
        assert becomes(lambda driver=driver: not attached(driver)), attached(driver)


def attached(driver):
    """The names of a driver's VolumeAttachments."""
    attachments = json.loads(kubectl("get", "volumeattachments", "-o", "json"))["items"]
    return [each["metadata"]["name"] for each in attachments if each["spec"]["attacher"] == driver]


def on_node(number, script):
    """Run a shell script on a node, and return what it wrote; a script that fails raises."""
    shell = [LAB / "bin" / "node-shell", number, "-c", script]
    return subprocess.run(shell, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="session")
def dm_crypt():
    """The nodes' kernels have it as a module, and no systemd that loads it when it is needed."""
    for number in ("1", "2"):
        on_node(number, "modprobe -a dm-crypt xts")


@pytest.fixture
def encrypted_class(dm_crypt, cluster_wide, namespace):
    """Makes StorageClasses of a key each; the Secret outlives the pods, as unstaging follows them."""
    made = []

    def make(name, key, volume_type="fast", **fields):
        secret = f"{namespace}-{name}"
        made.append(secret)
        objects.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": secret, "namespace": "default"},
                "stringData": {"encryptionPassphrase": key},
            }
        )
        parameters = {
            "type": volume_type,
            "encrypted": "true",
            "csi.storage.k8s.io/node-stage-secret-name": secret,
            "csi.storage.k8s.io/node-stage-secret-namespace": "default",
        }
        cluster_wide(objects.storage_class(secret, parameters, **fields))
        return secret

    yield make
    for secret in made:
        objects.delete("secret", secret)
