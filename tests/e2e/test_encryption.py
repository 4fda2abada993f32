# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that the node or the hypervisor encrypts: what Cinder holds of them, their moves, their growth."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.encrypted import NODES, WORDS, grows, on_disk
from ansible_collections.mooring.storage.tests.lab.lab_cloud import LAB


def test_data_is_unreadable_in_cinder_and_whole_on_the_other_node(namespace, encrypted_class):
    objects.apply(objects.claim(namespace, "data", encrypted_class("one", "a key of many bytes")))
    volume = objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName=NODES[0]))
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", f"echo '{WORDS}' >/data/file; sync")
    assert on_disk(volume, "LUKS")
    assert not on_disk(volume, WORDS)
    objects.delete("pod", "writer", namespace)

    objects.apply(objects.pod(namespace, "reader", {"/data": "data"}, nodeName=NODES[1]))
    objects.wait_ready(namespace, "reader")
    assert WORDS in objects.run(namespace, "reader", "cat /data/file")
    objects.delete("pod", "reader", namespace)


#: Looks at all processes of a node until it is stopped; tells which programs opened volumes, and who showed
#: the key. That stands backwards here, as this is an argument too.
WATCH = """
import json, os
key, opened, shown = "{backwards}"[::-1].encode(), set(), set()
while not os.path.exists("{stop}"):
    for process in filter(str.isdigit, os.listdir("/proc")):
        for place in ("cmdline", "environ"):
            try:
                with open(f"/proc/{{process}}/{{place}}", "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if key in words:
                shown.add(f"{{place}} of {{words[:60]}}")
            if words.startswith(b"cryptsetup"):
                opened.add(words.split(b"\\0")[1].decode())
print(json.dumps([sorted(opened), sorted(shown)]))
"""


@pytest.fixture
def watched(tmp_path):
    """Watches a node's processes for a key; call what it returns for what was seen."""
    stop = tmp_path / "stop"
    running = []

    def watch(key):
        code = WATCH.format(backwards=key[::-1], stop=f"/oldroot{stop}")
        shell = [str(LAB / "bin" / "node-shell"), NODES[0][-1], "-c", f"python3 -c '{code}'"]
        running.append(subprocess.Popen(shell, stdout=subprocess.PIPE, text=True))

        def seen():
            stop.touch()
            return json.loads(running[0].communicate(timeout=120)[0])

        return seen

    yield watch
    stop.touch()
    for process in running:
        process.wait(60)


def test_no_process_shows_the_key_while_a_volume_is_made_and_grows(namespace, encrypted_class, watched):
    key = f"in no argument and in no environment {namespace}"
    name = encrypted_class("hidden", key, "online")
    seen = watched(key)
    objects.apply(
        objects.claim(namespace, "data", name),
        objects.pod(namespace, "writer", {"/data": "data"}, nodeName=NODES[0]),
    )
    objects.wait_ready(namespace, "writer")
    objects.apply(objects.claim(namespace, "data", name, size="2Gi"))
    assert grows(namespace, "writer")
    objects.delete("pod", "writer", namespace)
    opened, shown = seen()
    assert shown == []
    # Deriving a key takes a second, so these two cannot pass between two looks.
    assert {"luksFormat", "open"} <= set(opened), opened


def test_it_grows_under_a_running_pod(namespace, encrypted_class):
    name = encrypted_class("growing", "another key", "online")
    objects.apply(objects.claim(namespace, "data", name))
    objects.wait_bound(namespace, "data")
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}))
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", f"echo '{WORDS}' >/data/file; sync")
    objects.apply(objects.claim(namespace, "data", name, size="2Gi"))

    assert grows(namespace, "writer")
    assert WORDS in objects.run(namespace, "writer", "cat /data/file")
    objects.delete("pod", "writer", namespace)


@pytest.mark.usefixtures("dm_crypt")
def test_a_type_that_cinder_encrypts_passes_through(namespace, cluster_wide, cinder):
    cluster_wide(objects.storage_class(namespace, {"type": "encrypted"}))
    objects.apply(objects.claim(namespace, "data", namespace))
    volume = objects.wait_bound(namespace, "data")
    assert cinder.get_volume(volume).is_encrypted
    objects.apply(objects.pod(namespace, "writer", {"/data": "data"}, nodeName=NODES[0]))
    objects.wait_ready(namespace, "writer")
    objects.run(namespace, "writer", f"echo '{WORDS}' >/data/file; sync")
    assert on_disk(volume, "LUKS")
    assert not on_disk(volume, WORDS)

    objects.apply(objects.claim(namespace, "data", namespace, size="2Gi"))
    assert grows(namespace, "writer")
    assert WORDS in objects.run(namespace, "writer", "cat /data/file")
    objects.delete("pod", "writer", namespace)

    origin = {"kind": "PersistentVolumeClaim", "name": "data"}
    objects.apply(
        objects.claim(namespace, "clone", namespace, size="2Gi", dataSource=origin),
        objects.pod(namespace, "reader", {"/data": "data", "/clone": "clone"}, nodeName=NODES[1]),
    )
    objects.wait_ready(namespace, "reader")
    for folder in ("/data", "/clone"):
        assert WORDS in objects.run(namespace, "reader", f"cat {folder}/file")
    objects.delete("pod", "reader", namespace)
