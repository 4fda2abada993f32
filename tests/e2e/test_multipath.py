# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that a node reaches over two paths, through its multipathd: one path may fail."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, second_driver
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes, on_node
from ansible_collections.mooring.storage.tests.e2e.iscsi import READ, WRITE, grow_and_move, sessions
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB

SECOND_PATH = "10.98.0.2/24"
#: The rules that multipath-tools brings, which the lab's nodes leave out.
RULES = "/etc/udev/rules.d/56-dm-mpath.rules /etc/udev/rules.d/60-multipath.rules"
# The lab's back end calls itself LAB; the nodes' own disks are none of multipathd's.
SETTINGS = """
defaults {
  find_multipaths strict
  polling_interval 1
}
blacklist {
  device {
    vendor ".*"
  }
}
blacklist_exceptions {
  device {
    vendor "LAB"
  }
}
"""
START = f"""
rm -f {RULES}
udevadm control --reload
modprobe dm-multipath
multipathd
until multipathd show status; do sleep 0.2; done
"""
STOP = f"""
multipathd shutdown
multipath -F
rm -f /etc/multipath.conf
for rules in {RULES}; do ln -sf /dev/null $rules; done
udevadm control --reload
"""


def telling(settings):
    """A script that writes what multipathd is told."""
    return f"cat >/etc/multipath.conf <<'EOF'\n{settings}\nEOF\n"


@pytest.fixture(scope="module")
def multipathd():
    """Runs on both nodes."""
    with ExitStack() as running:
        for node in ("1", "2"):
            running.callback(on_node, node, STOP)
            on_node(node, telling(SETTINGS) + START)
        yield


@pytest.fixture(scope="module")
def driver(multipathd, second_account, tmp_path_factory):
    """A driver that attaches through Cinder, and serves where multipathd runs alone."""
    with second_driver.installed_through_cinder(
        tmp_path_factory.mktemp("paths"),
        "paths",
        19811,
        second_account,
        csi_driver_use_multipath=True,
        csi_driver_enforce_multipath=True,
    ) as name:
        yield name


@pytest.fixture
def storage(iscsi_class, driver):
    return iscsi_class(driver)


def in_lab(script):
    subprocess.run([LAB / "bin" / "lab-shell", "-c", script], check=True, timeout=120)


@pytest.fixture
def second_path():
    """Cuts and mends the path that no other disk of the nodes uses."""

    class Path:
        up = True

        def cut(self):
            self.up = False
            in_lab(f"ip address del {SECOND_PATH} dev br0")

        def mend(self):
            self.up = True
            in_lab(f"ip address add {SECOND_PATH} dev br0")

    path = Path()
    yield path
    if not path.up:
        path.mend()


def maps(number):
    """What the multipathd of a node has made."""
    return json.loads(on_node(number, "multipathd show maps json"))["maps"]


def paths(number):
    """The states of the paths of a node's maps, as the kernel has them."""
    groups = [group for found in maps(number) for group in found["path_groups"]]
    return sorted(each["dm_st"] for group in groups for each in group["paths"])


def test_a_path_fails_and_comes_back_and_the_volume_grows(storage, namespace, second_path):
    objects.apply(objects.claim(namespace, "data", storage))
    volume = objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName="node1"))
    objects.wait_ready(namespace, "writer")
    assert becomes(lambda: len(sessions("1", volume)) == 2), sessions("1", volume)
    assert becomes(lambda: paths("1") == ["active", "active"]), paths("1")
    source = objects.device_of(namespace, "writer")
    assert source.startswith(("/dev/mapper/", "/dev/dm-")), source

    second_path.cut()
    checksum = objects.run(namespace, "writer", WRITE)
    assert becomes(lambda: paths("1") == ["active", "failed"]), paths("1")
    second_path.mend()
    assert becomes(lambda: paths("1") == ["active", "active"]), paths("1")

    assert grow_and_move(namespace, "data", READ) == checksum
    assert sessions("1", volume) == []
    assert maps("1") == []
    assert becomes(lambda: paths("2") == ["active", "active"]), paths("2")


@pytest.fixture
def settings():
    """Changes what the multipathd of a node is told, and takes that back."""
    changed = []

    def write(number, text):
        changed.append(number)
        on_node(number, telling(text) + "multipathd reconfigure")

    yield write
    for number in set(changed):
        write(number, SETTINGS)


def test_a_volume_without_a_map_is_refused_and_used_when_there_is_one(storage, namespace, settings):
    settings("2", SETTINGS.replace("LAB", "nobody"))
    objects.apply(
        objects.claim(namespace, "data", storage),
        objects.pod(namespace, "user", {"/data": "data"}, nodeName="node2"),
    )

    refusal = "multipathd has made no map of /dev/"
    assert becomes(lambda: refusal in objects.told(namespace, "FailedMount"), 300)
    settings("2", SETTINGS)
    objects.wait_ready(namespace, "user")
    assert becomes(lambda: paths("2") == ["active", "active"]), paths("2")
