# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder driver of the lab: each volume and each snapshot is a sparse file.

Whoever connects with ``{"file_volumes": "path"}`` in its connector (the lab's compute driver) is told the
file and the kind of disk to make of it. Everyone else, the volume host itself among them, gets a loop
device: made at the first connection, gone with the last.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from typing import Any

from cinder import exception, interface
from cinder.volume import configuration, driver
from oslo_config import cfg
from oslo_utils import units

OPTIONS = [
    cfg.StrOpt("file_dir", help="Folder of the files."),
    cfg.StrOpt(
        "file_plug",
        default="ubd",
        choices=["ubd", "lun"],
        help="Kind of disk that the compute driver makes: ubd (fixed size) or an iSCSI LUN (grows in use).",
    ),
    cfg.IntOpt("file_capacity_gb", default=1000, help="Capacity to report."),
    cfg.FloatOpt("file_delay", default=0.0, help="Seconds that each operation waits first."),
    cfg.StrOpt("file_fail_dir", help="An operation fails as long as a file of its name is in this folder."),
]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)

COMMAND_TIMEOUT = 600


def run(*command: str) -> str:
    """Standard output of a command; any failure is the back end's."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise exception.VolumeBackendAPIException(data=str(error)) from error
    if done.returncode:
        raise exception.VolumeBackendAPIException(data=f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def takes_path(connector: dict[str, Any] | None) -> bool:
    return bool(connector) and connector.get("file_volumes") == "path"


@interface.volumedriver
class FileVolumeDriver(driver.VolumeDriver):
    """Volumes as sparse files."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self._loop_lock = threading.Lock()

    def do_setup(self, context: Any) -> None:
        os.makedirs(self.configuration.file_dir, exist_ok=True)

    def check_for_setup_error(self) -> None:
        run("losetup", "--version")

    # Files

    def local_path(self, thing: Any) -> str:
        return os.path.join(self.configuration.file_dir, thing.name)

    def _begin(self, operation: str) -> None:
        time.sleep(self.configuration.file_delay)
        flags = self.configuration.file_fail_dir
        if flags and os.path.exists(os.path.join(flags, operation)):
            raise exception.VolumeBackendAPIException(data=f"told to fail: {operation}")

    def _resize(self, thing: Any, size_gb: int) -> None:
        with open(self.local_path(thing), "ab") as file:
            file.truncate(size_gb * units.Gi)

    def _copy(self, source: Any, target: Any) -> None:
        for device in self._loops(source):
            run("blockdev", "--flushbufs", device)
        run("cp", "--reflink=auto", "--sparse=always", self.local_path(source), self.local_path(target))

    def _remove(self, thing: Any) -> None:
        for device in self._loops(thing):
            run("losetup", "--detach", device)
        if os.path.exists(self.local_path(thing)):
            os.unlink(self.local_path(thing))

    def _loops(self, thing: Any) -> list[str]:
        path = self.local_path(thing)
        if not os.path.exists(path):
            return []
        return run("losetup", "--noheadings", "--output", "NAME", "--associated", path).split()

    # Volumes and snapshots

    def create_volume(self, volume: Any) -> None:
        self._begin("create_volume")
        self._resize(volume, volume.size)

    def delete_volume(self, volume: Any) -> None:
        self._begin("delete_volume")
        self._remove(volume)

    def extend_volume(self, volume: Any, new_size: int) -> None:
        self._begin("extend_volume")
        self._resize(volume, new_size)
        for device in self._loops(volume):
            run("losetup", "--set-capacity", device)

    def create_snapshot(self, snapshot: Any) -> None:
        self._begin("create_snapshot")
        self._copy(snapshot.volume, snapshot)

    def delete_snapshot(self, snapshot: Any) -> None:
        self._begin("delete_snapshot")
        self._remove(snapshot)

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        self._begin("create_volume_from_snapshot")
        self._copy(snapshot, volume)
        self._resize(volume, volume.size)

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:
        self._begin("create_cloned_volume")
        self._copy(src_vref, volume)
        self._resize(volume, volume.size)

    def revert_to_snapshot(self, context: Any, volume: Any, snapshot: Any) -> None:
        self._begin("revert_to_snapshot")
        self._copy(snapshot, volume)
        self._resize(volume, volume.size)

    def retype(
        self, context: Any, volume: Any, new_type: Any, diff: Any, host: dict[str, Any]
    ) -> tuple[bool, None]:
        # Within a back end there is nothing to convert; another back end means migration.
        return host["host"].split("#")[0] == volume.host.split("#")[0], None

    # Connections

    def ensure_export(self, context: Any, volume: Any) -> None:
        pass

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        pass

    def remove_export(self, context: Any, volume: Any) -> None:
        pass

    def initialize_connection(self, volume: Any, connector: Any, **kwargs: Any) -> dict[str, Any]:
        self._begin("initialize_connection")
        path = self.local_path(volume)
        if not takes_path(connector):
            with self._loop_lock:
                loops = self._loops(volume)
                path = loops[0] if loops else run("losetup", "--find", "--show", path)
        data = {
            "device_path": path,
            "volume_id": volume.id,
            "plug": self.configuration.file_plug,
            "discard": True,
        }
        return {"driver_volume_type": "local", "data": data}

    def terminate_connection(self, volume: Any, connector: Any, **kwargs: Any) -> None:
        self._begin("terminate_connection")
        if takes_path(connector):
            return
        by_loop = [
            attachment
            for attachment in volume.volume_attachment
            if attachment.attach_status == "attached"
            and attachment.connector
            and not takes_path(attachment.connector)
        ]
        with self._loop_lock:
            if connector is None or len(by_loop) < 2:
                for device in self._loops(volume):
                    run("losetup", "--detach", device)

    # What the scheduler sees

    def _update_volume_stats(self) -> None:
        capacity = self.configuration.file_capacity_gb
        with os.scandir(self.configuration.file_dir) as files:
            used = sum(file.stat().st_size for file in files) / units.Gi
        name = self.configuration.volume_backend_name
        pool = {
            "pool_name": name,
            "total_capacity_gb": capacity,
            "free_capacity_gb": max(0.0, capacity - used),
            "provisioned_capacity_gb": used,
            "reserved_percentage": 0,
            "max_over_subscription_ratio": 1.0,
            "thin_provisioning_support": True,
            "multiattach": True,
            "QoS_support": True,
            "online_extend_support": True,
            "backend_state": "up",
        }
        self._stats = {
            "volume_backend_name": name,
            "vendor_name": "lab",
            "driver_version": self.VERSION,
            "storage_protocol": "local",
            "pools": [pool],
        }
