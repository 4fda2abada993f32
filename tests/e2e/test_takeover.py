# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the place of cloud-provider-openstack's driver, under running pods, on objects as it writes them.

Its manifests run the image of this driver here, with their own arguments: that they start it is part of
the test. Its registrar has no counterpart in the lab, so two flags stand for it.
"""

from __future__ import annotations

import json
import uuid

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, shared_device, snapshots
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.objects import DRIVER
from ansible_collections.mooring.storage.tests.e2e.plays import LAB_VARIABLES, run_play
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

pytestmark = pytest.mark.alone

SYSTEM = "kube-system"
SECRET = "cloud-config-of-before"
CONTROLLER, NODE = "csi-cinder-controllerplugin", "csi-cinder-nodeplugin"
ZONE_KEY = "topology.cinder.csi.openstack.org/zone"
IDENTITY = "storage.kubernetes.io/csiProvisionerIdentity"
DESCRIPTION = "Created by OpenStack Cinder CSI driver"
#: Writes a line a moment, for as long as it runs.
WRITING = "trap 'exit 0' TERM; while echo line >> /data/log && sync; do sleep 0.2; done"
SECONDS = 300
#: Where the lab's type ``online`` is.
ZONE = "az1"
#: Fewer than a server of the lab may have.
ATTACH_LIMIT = 9


def cloud_conf(cloud):
    """A file as other parts of cloud-provider-openstack share it: with sections that no volume needs."""
    auth = cloud["auth"]
    return f"""# of the cloud controller manager and of the Cinder driver
[Global]
auth-url="{auth["auth_url"]}"
username = {auth["username"]}
password = "{auth["password"]}"
tenant-name = {auth["project_name"]}
user-domain-id = {auth["user_domain_id"]}
tenant-domain-id = {auth["project_domain_id"]}
region = {cloud["region_name"]}

[Networking]
public-network-name=public
ipv6-support-disabled

[LoadBalancer]
enabled=false
floating-network-id=0a1b2c3d-0000-4000-8000-000000000000

[LoadBalancerClass "internal"]
subnet-id=0a1b2c3d-0000-4000-8000-000000000001

[BlockStorage]
bs-version=v3
rescan-on-resize=true
node-volume-attach-limit={ATTACH_LIMIT}
ignore-volume-microversion=false

[Metadata]
search-order=configDrive,metadataService
request-timeout=5s
"""


def plugin(image, *arguments):
    """The container of its manifests that is the driver itself."""
    return {
        "name": "cinder-csi-plugin",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["/bin/cinder-csi-plugin", "--endpoint=$(CSI_ENDPOINT)", *arguments, "--v=1"],
        "env": [
            {"name": "CSI_ENDPOINT", "value": "unix://csi/csi.sock"},
            {"name": "CLOUD_CONFIG", "value": "/etc/config/cloud.conf"},
            {"name": "CLUSTER_NAME", "value": "kubernetes"},
        ],
    }


def mounted(container, **paths):
    """A container with volumes mounted; double underscores stand for hyphens."""
    mounts = [{"name": name.replace("__", "-"), **mount} for name, mount in paths.items()]
    return {**container, "volumeMounts": mounts}


def sidecar(name, image, *arguments):
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--csi-address=$(ADDRESS)", *arguments],
        "env": [{"name": "ADDRESS", "value": "/var/lib/csi/sockets/pluginproxy/csi.sock"}],
    }
    return mounted(container, socket__dir={"mountPath": "/var/lib/csi/sockets/pluginproxy/"})


def limits():
    """How many volumes the nodes say that they take."""
    return {objects.node_driver(node, DRIVER)["allocatable"]["count"] for node in ("node1", "node2")}


def workload(kind, name, pod, **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": SYSTEM},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
            **spec,
        },
    }


def controller(image):
    config = {"mountPath": "/etc/config", "readOnly": True}
    driver = plugin(
        image,
        "--cloud-config=$(CLOUD_CONFIG)",
        "--cluster=$(CLUSTER_NAME)",
        "--provide-node-service=false",
        "--pvc-annotations",
    )
    pod = {
        "serviceAccountName": CONTROLLER,
        "automountServiceAccountToken": True,
        "containers": [
            sidecar("csi-attacher", "lab.local/csi-attacher:1", "--timeout=3m"),
            sidecar(
                "csi-provisioner",
                "lab.local/csi-provisioner:1",
                "--timeout=3m",
                "--default-fstype=ext4",
                "--feature-gates=Topology=true",
                "--extra-create-metadata",
            ),
            mounted(driver, socket__dir={"mountPath": "/csi"}, secret__cinderplugin=config),
        ],
        "volumes": [
            {"name": "socket-dir", "emptyDir": {}},
            {"name": "secret-cinderplugin", "secret": {"secretName": SECRET}},
        ],
    }
    return workload("Deployment", CONTROLLER, pod, replicas=1)


def node(image):
    kubelet = "/var/lib/kubelet"
    driver = plugin(
        image,
        "--provide-controller-service=false",
        "--registration-dir=/registration",
        f"--kubelet-registration-path={kubelet}/plugins/{DRIVER}/csi.sock",
    )
    driver["securityContext"] = {"privileged": True, "allowPrivilegeEscalation": True}
    pod = {
        "hostNetwork": True,
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            mounted(
                driver,
                socket__dir={"mountPath": "/csi"},
                registration__dir={"mountPath": "/registration"},
                kubelet__dir={"mountPath": kubelet, "mountPropagation": "Bidirectional"},
                pods__probe__dir={"mountPath": "/dev", "mountPropagation": "HostToContainer"},
            )
        ],
        "volumes": [
            {
                "name": "socket-dir",
                "hostPath": {"path": f"{kubelet}/plugins/{DRIVER}", "type": "DirectoryOrCreate"},
            },
            {
                "name": "registration-dir",
                "hostPath": {"path": f"{kubelet}/plugins_registry/", "type": "Directory"},
            },
            {"name": "kubelet-dir", "hostPath": {"path": kubelet, "type": "Directory"}},
            {"name": "pods-probe-dir", "hostPath": {"path": "/dev", "type": "Directory"}},
        ],
    }
    return workload("DaemonSet", NODE, pod)


def csi_driver():
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": DRIVER},
        "spec": {
            "attachRequired": True,
            "podInfoOnMount": True,
            "volumeLifecycleModes": ["Persistent", "Ephemeral"],
        },
    }


def pods():
    """The driver's pods, as they are now."""
    apps = f"app in ({CONTROLLER}, {NODE})"
    return json.loads(kubectl("get", "pods", "-n", SYSTEM, "-l", apps, "-o", "json"))["items"]


def running():
    """Whether the controller and both nodes are ready."""
    conditions = [c for pod in pods() for c in pod["status"].get("conditions", ())]
    return [c["status"] for c in conditions if c["type"] == "Ready"] == ["True"] * 3


@pytest.fixture
def image():
    return objects.get("daemonset", NODE, SYSTEM)["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.fixture
def role(image, tmp_path):
    """Runs the role as the lab does, with some variables changed; the lab's own installation comes back."""

    def run(*options, **variables):
        play = {
            "vars_files": [LAB_VARIABLES],
            "vars": {"csi_driver_image": image},
            "roles": [{"role": "mooring.storage.csi_driver", **variables}],
        }
        return run_play(tmp_path, play, *options)

    yield run
    back = run(csi_driver_take_over=True)
    kubectl("-n", SYSTEM, "delete", "secret", SECRET, "--ignore-not-found")
    assert back.returncode == 0, back.stdout


@pytest.fixture
def former(role, image, cloud):
    """The other driver, installed by its manifests in the place of this one."""
    for kind, name in (("deployment", CONTROLLER), ("daemonset", NODE)):
        kubectl(
            "-n", SYSTEM, "delete", kind, name, "--cascade=foreground", "--wait=false", "--ignore-not-found"
        )
    assert becomes(lambda: not pods(), SECONDS)
    kubectl("delete", "csidriver", DRIVER)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": SYSTEM},
        "stringData": {"cloud.conf": cloud_conf(cloud)},
    }
    objects.apply(secret, csi_driver(), controller(image), node(image))
    assert becomes(running, SECONDS)


@pytest.fixture
def storage(namespace):
    """Its classes: a StorageClass and a VolumeSnapshotClass."""
    objects.apply(
        objects.storage_class(namespace, {"type": "online", "availability": ZONE}),
        snapshots.snapshot_class(namespace, {"force-create": "true"}),
    )
    yield namespace
    for kind in ("storageclass", "volumesnapshotclass"):
        kubectl("delete", kind, namespace, "--ignore-not-found")


def volume_of_before(cinder, namespace, claim, mode="Filesystem"):
    """A volume as the other driver has Cinder make it, and the PersistentVolume of it."""
    name = f"pvc-{uuid.uuid4()}"
    made = cinder.create_volume(
        name=name,
        size=1,
        volume_type="online",
        description=DESCRIPTION,
        metadata={
            "cinder.csi.openstack.org/cluster": "kubernetes",
            "csi.storage.k8s.io/pvc/name": claim,
            "csi.storage.k8s.io/pvc/namespace": namespace,
            "csi.storage.k8s.io/pv/name": name,
        },
    )
    cinder.wait_for_status(made, status="available", interval=0.5, wait=60)
    zone = cinder.get_volume(made.id).availability_zone
    terms = [{"matchExpressions": [{"key": ZONE_KEY, "operator": "In", "values": [zone]}]}]
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": namespace, "name": claim},
            "csi": {
                "driver": DRIVER,
                "fsType": "ext4",
                "volumeHandle": made.id,
                "volumeAttributes": {
                    IDENTITY: f"1700000000000-8081-{DRIVER}",
                    "cinder.csi.openstack.org/resizeRequired": "true",
                },
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": namespace,
            "volumeMode": mode,
        },
    }
    objects.apply(volume, objects.claim(namespace, claim, namespace, volumeName=name, volumeMode=mode))
    return made.id


def snapshot_of_before(cinder, namespace, volume_id):
    """A snapshot as the other driver has Cinder make it, and the VolumeSnapshot that is bound to it."""
    content = f"snapcontent-{uuid.uuid4()}"
    made = cinder.create_snapshot(
        volume_id=volume_id,
        name=content.replace("snapcontent", "snapshot"),
        description=DESCRIPTION,
        is_forced=True,
        metadata={
            "cinder.csi.openstack.org/cluster": "kubernetes",
            "csi.storage.k8s.io/volumesnapshot/name": "before",
            "csi.storage.k8s.io/volumesnapshot/namespace": namespace,
            "csi.storage.k8s.io/volumesnapshotcontent/name": content,
        },
    )
    cinder.wait_for_status(made, status="available", interval=0.5, wait=60)
    api = "snapshot.storage.k8s.io/v1"
    objects.apply(
        {
            "apiVersion": api,
            "kind": "VolumeSnapshotContent",
            "metadata": {"name": content},
            "spec": {
                "deletionPolicy": "Delete",
                "driver": DRIVER,
                "source": {"snapshotHandle": made.id},
                "volumeSnapshotClassName": namespace,
                "volumeSnapshotRef": {"name": "before", "namespace": namespace},
            },
        },
        {
            "apiVersion": api,
            "kind": "VolumeSnapshot",
            "metadata": {"name": "before", "namespace": namespace},
            "spec": {
                "source": {"volumeSnapshotContentName": content},
                "volumeSnapshotClassName": namespace,
            },
        },
    )
    return made.id


def lines(namespace, pod):
    return int(objects.run(namespace, pod, "wc -l < /data/log"))


def life(namespace, pod):
    """What changes when a pod's container starts anew."""
    (container,) = objects.get("pod", pod, namespace)["status"]["containerStatuses"]
    return container["containerID"], container["restartCount"]


def test_a_running_cluster_changes_its_driver(former, storage, namespace, cinder, role):
    volume_id = volume_of_before(cinder, namespace, "before")
    raw_id = volume_of_before(cinder, namespace, "raw", "Block")
    objects.apply(
        objects.claim(namespace, "made-there", storage),
        objects.pod(namespace, "writer", {"/data": "before"}, command=WRITING),
        objects.pod(namespace, "other", {"/data": "made-there"}, command=WRITING),
        objects.pod(namespace, "raw", devices={"/dev/shared": "raw"}),
    )
    for pod in ("writer", "other", "raw"):
        objects.wait_ready(namespace, pod)
    lives = {pod: life(namespace, pod) for pod in ("writer", "other", "raw")}
    assert cinder.get_volume(objects.wait_bound(namespace, "made-there")).availability_zone == ZONE
    objects.run(namespace, "raw", "printf 'raw before' | dd of=/dev/shared conv=fsync,notrunc")
    objects.run(namespace, "writer", "echo kept > /data/kept && sync")
    snapshot_id = snapshot_of_before(cinder, namespace, volume_id)

    refused = role()
    assert refused.returncode != 0
    assert "already served in this cluster" in refused.stdout
    assert "csi_driver_take_over" in refused.stdout
    assert objects.get("deployment", CONTROLLER, SYSTEM)["metadata"].get("labels") is None

    take_over = {
        "csi_driver_take_over": True,
        "csi_driver_cluster": "kubernetes",
        "csi_driver_cloud_conf": {},
        "csi_driver_secret_name": SECRET,
        "csi_driver_sidecars": ["provisioner", "attacher", "resizer", "snapshotter"],
    }
    theirs = {pod["metadata"]["uid"] for pod in pods()}
    preview = role("--check", **take_over)
    assert preview.returncode == 0, preview.stdout
    assert "The rest is not previewed" in preview.stdout
    assert "changed=0" not in preview.stdout
    assert {pod["metadata"]["uid"] for pod in pods()} == theirs

    before = lines(namespace, "writer")
    taken = role(**take_over)
    assert taken.returncode == 0, taken.stdout
    labels = objects.get("deployment", CONTROLLER, SYSTEM)["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "mooring.storage"
    assert becomes(lambda: limits() == {ATTACH_LIMIT}), limits()
    assert {pod: life(namespace, pod) for pod in lives} == lives
    assert lines(namespace, "writer") > before

    # Expanded, under the pod that writes.
    objects.grow(namespace, "before", "2Gi")
    objects.wait_for_capacity(namespace, "before", "2Gi")
    assert int(objects.run(namespace, "writer", "df -m /data | awk 'END { print $2 }'")) > 1800

    # Its snapshot is restored, and holds what was there.
    objects.apply(
        objects.claim(namespace, "restored", storage, dataSource=snapshots.content_of("before")),
        objects.pod(namespace, "reader", {"/data": "restored"}),
    )
    objects.wait_ready(namespace, "reader")
    assert objects.run(namespace, "reader", "cat /data/kept") == "kept\n"

    # A pod that starts now has the volumes of before.
    for pod in ("writer", "raw"):
        objects.delete("pod", pod, namespace)
    objects.apply(objects.pod(namespace, "heir", {"/data": "before"}, {"/dev/shared": "raw"}))
    objects.wait_ready(namespace, "heir")
    assert lines(namespace, "heir") > before
    assert shared_device.read(namespace, "heir", 0) == "raw before"

    # What was made there is deleted here.
    for pod in ("heir", "other", "reader"):
        objects.delete("pod", pod, namespace)
    objects.delete("pvc", "restored", namespace)
    objects.delete("volumesnapshot", "before", namespace)
    assert becomes(lambda: cinder.find_snapshot(snapshot_id, ignore_missing=True) is None)
    for claim in ("before", "made-there", "raw"):
        objects.delete("pvc", claim, namespace)
    for volume in (volume_id, raw_id):
        assert becomes(lambda volume=volume: cinder.find_volume(volume, ignore_missing=True) is None)
