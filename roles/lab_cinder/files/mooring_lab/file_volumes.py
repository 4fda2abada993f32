# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder driver of the lab: each volume and each snapshot is a sparse file.

Whoever connects with ``{"file_volumes": "path"}`` in its connector (the lab's compute driver) is told the
file and the kind of disk to make of it. Everyone else gets, of a back end with ``file_portals``, an iSCSI
target with a password of its own, and of any other a loop device: made at the first connection, gone with
the last.
"""

from __future__ import annotations

import os
import re
import secrets
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
    cfg.ListOpt(
        "file_portals",
        default=[],
        help="Each ADDRESS:PORT of the tgtd that exports volumes by iSCSI. One path is the first of them.",
    ),
    cfg.FloatOpt("file_delay", default=0.0, help="Seconds that each operation waits first."),
    cfg.StrOpt("file_fail_dir", help="An operation fails as long as a file of its name is in this folder."),
]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)

COMMAND_TIMEOUT = 600
#: Those below are the nodes' own.
FIRST_TARGET = 1000


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


class Targets:
    """iSCSI targets of the lab's tgtd, one a volume, each with a login of its own."""

    PREFIX = "iqn.2026-01.lab:volume-"

    def __init__(self, portals: list[str]) -> None:
        self._portals = portals

    def export(self, volume_id: str, path: str) -> str | None:
        """Make a volume's target. Return its login as Cinder keeps it, None when the target is there."""
        name, user, password = self.PREFIX + volume_id, volume_id, secrets.token_hex(8)
        if self._number(name) is not None:
            return None
        number = str(max([FIRST_TARGET, *self._numbers().values()]) + 1)
        self._tgtadm("new", "target", "--tid", number, "--targetname", name)
        self._tgtadm("new", "logicalunit", "--tid", number, "--lun", "1", "--backing-store", path)
        self._tgtadm("update", "logicalunit", "--tid", number, "--lun", "1", "--params", "vendor_id=LAB")
        self._tgtadm("new", "account", "--user", user, "--password", password)
        self._tgtadm("bind", "account", "--tid", number, "--user", user)
        self._tgtadm("bind", "target", "--tid", number, "--initiator-address", "ALL")
        return f"CHAP {user} {password}"

    def paths(self, volume_id: str) -> dict[str, Any]:
        """What those who take several paths have to know beside the connection."""
        number = len(self._portals)
        return {
            "target_portals": self._portals,
            "target_iqns": [self.PREFIX + volume_id] * number,
            "target_luns": [1] * number,
        }

    def connection(self, volume_id: str, login: str) -> dict[str, Any]:
        """How an initiator reaches a volume's target."""
        method, user, password = login.split()
        return {
            "target_discovered": False,
            "target_iqn": self.PREFIX + volume_id,
            "target_portal": self._portals[0],
            "target_lun": 1,
            "volume_id": volume_id,
            "auth_method": method,
            "auth_username": user,
            "auth_password": password,
            "discard": True,
        }

    def remove(self, volume_id: str) -> None:
        number = self._number(self.PREFIX + volume_id) if self._portals else None
        if number is not None:
            self._tgtadm("delete", "target", "--force", "--tid", str(number))
            self._tgtadm("delete", "account", "--user", volume_id)

    def grow(self, volume_id: str, path: str) -> None:
        """Let the target read the size of its file again; what is being written waits for that."""
        number = self._number(self.PREFIX + volume_id) if self._portals else None
        if number is not None:
            for params in ("online=0", f"path={path}", "online=1"):
                self._tgtadm("update", "logicalunit", "--tid", str(number), "--lun", "1", "--params", params)

    def _number(self, name: str) -> int | None:
        return self._numbers().get(name)

    def _numbers(self) -> dict[str, int]:
        shown = self._tgtadm("show", "target")
        return {
            found[2]: int(found[1]) for found in re.finditer(r"^Target (\d+): (\S+)$", shown, re.MULTILINE)
        }

    def _tgtadm(self, operation: str, mode: str, *words: str) -> str:
        return run("tgtadm", "--lld", "iscsi", "--op", operation, "--mode", mode, *words)


@interface.volumedriver
class FileVolumeDriver(driver.VolumeDriver):
    """Volumes as sparse files."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self._loop_lock = threading.Lock()
        self._targets = Targets(self.configuration.file_portals)

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
        self._targets.grow(volume.id, self.local_path(volume))
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

    def create_export(self, context: Any, volume: Any, connector: Any) -> dict[str, str] | None:
        if not self.configuration.file_portals or takes_path(connector):
            return None
        with self._loop_lock:
            login = self._targets.export(volume.id, self.local_path(volume))
        return {"provider_auth": login} if login else None

    def remove_export(self, context: Any, volume: Any) -> None:
        with self._loop_lock:
            self._targets.remove(volume.id)

    def initialize_connection(self, volume: Any, connector: Any, **kwargs: Any) -> dict[str, Any]:
        self._begin("initialize_connection")
        path = self.local_path(volume)
        if self.configuration.file_portals and not takes_path(connector):
            data = self._targets.connection(volume.id, volume.provider_auth)
            if connector.get("multipath"):
                data |= self._targets.paths(volume.id)
            return {"driver_volume_type": "iscsi", "data": data}
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

    def terminate_connection(self, volume: Any, connector: Any, **kwargs: Any) -> bool:
        """Say whether others use the same export: if not, it is removed."""
        self._begin("terminate_connection")
        if takes_path(connector):
            return True
        others = [
            attachment
            for attachment in volume.volume_attachment
            if attachment.attach_status in ("attached", "attaching")
            and attachment.connector
            and not takes_path(attachment.connector)
        ]
        with self._loop_lock:
            shared = connector is not None and len(others) > 1
            if not shared:
                for device in self._loops(volume):
                    run("losetup", "--detach", device)
        return shared

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
