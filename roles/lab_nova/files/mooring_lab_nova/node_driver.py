# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's compute driver of the lab: the fake driver, whose servers node1, node2, ... are the lab's nodes.

What is attached to such a server is plugged into the node as a disk, with the first 20 characters of the
volume's id as its serial, as libvirt does it for virtio disks. To a server that is no node, and to a node
that is off, attachments are recorded and nothing else happens; a hard reboot of the server plugs what is
missing, as a hypervisor's does. Volumes that Cinder has encrypted are encrypted here, by the key of Nova's
key manager.
"""

from __future__ import annotations

import binascii
import os
import re
from collections.abc import Callable
from typing import Any

from castellan import key_manager
from nova import context as nova_context
from nova import exception, objects
from nova.compute import power_state
from nova.virt import fake
from oslo_concurrency import lockutils
from oslo_config import cfg
from oslo_log import log as logging

from mooring_lab_nova.disks import DiskError, DiskInUse, Disks, LunDisks, SharedUbdDisks, UbdDisks, serial_of
from mooring_lab_nova.luks import LuksVolumes
from mooring_lab_nova.mconsole import Console, GuestIsOff

LOG = logging.getLogger(__name__)
CONF = cfg.CONF
CONF.register_opts(
    [
        cfg.StrOpt("uml_dir", help="Folder of the nodes' management consoles."),
        cfg.StrOpt("node_shell", help="Command that runs a script in a node: COMMAND NUMBER -c SCRIPT."),
    ],
    group="lab",
)


def disks_of(instance: Any, connection_info: dict[str, Any]) -> Disks | None:
    """The kind of disk that the volume shall be in the server's node; None if the server is no node."""
    match = re.fullmatch(r"node(\d+)", instance.display_name or "")
    if not match:
        return None
    console = Console(os.path.join(CONF.lab.uml_dir, match[0], "mconsole"))
    if connection_info["data"].get("plug") == "lun":
        return LunDisks(int(match[1]), CONF.lab.node_shell, console)
    return SharedUbdDisks(console) if connection_info.get("multiattach") else UbdDisks(console)


class NodeDriver(fake.FakeDriverWithoutFakeNodes):
    """See the module."""

    # Room for many servers, none of it real.
    vcpus, memory_mb, local_gb = 1000, 8000000, 600000

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._luks = LuksVolumes(os.path.join(CONF.state_path, "encrypted"))

    def init_host(self, host: str) -> None:
        super().init_host(host)
        # The fake driver keeps its servers in memory: a restart must not lose them.
        for instance in objects.InstanceList.get_by_host(nova_context.get_admin_context(), host):
            self.instances[instance.uuid] = fake.FakeInstance(
                instance.name, instance.power_state or power_state.RUNNING, instance.uuid
            )

    def get_host_uptime(self) -> str:
        with open("/proc/uptime", encoding="ascii") as file:
            return f"up {float(file.read().split()[0]):.0f} seconds"

    def get_volume_connector(self, instance: Any) -> dict[str, Any]:
        # Tells the Cinder driver to answer with the file, not with a loop device.
        return {**super().get_volume_connector(instance), "file_volumes": "path"}

    def _act(
        self, instance: Any, connection_info: dict[str, Any], action: Callable[[Disks, str, str], None]
    ) -> None:
        data = connection_info["data"]
        path = self._luks.path(data["volume_id"]) if data.get("encrypted") else data["device_path"]
        disks = disks_of(instance, connection_info)
        if disks is None:
            return
        with lockutils.lock(f"disks-{instance.uuid}"):
            try:
                action(disks, path, serial_of(data["volume_id"]))
            except GuestIsOff:
                LOG.info("Node %s is off", instance.display_name)

    def _open(self, context: Any, data: dict[str, Any], encryption: dict[str, Any]) -> None:
        key = key_manager.API(CONF).get(context, encryption["encryption_key_id"])
        passphrase = binascii.hexlify(key.get_encoded()).decode()
        self._luks.open(data["volume_id"], data["device_path"], passphrase, encryption)

    def attach_volume(
        self,
        context: Any,
        connection_info: dict[str, Any],
        instance: Any,
        mountpoint: str,
        disk_bus: str | None = None,
        device_type: str | None = None,
        encryption: dict[str, Any] | None = None,
    ) -> None:
        super().attach_volume(context, connection_info, instance, mountpoint)
        try:
            if encryption:
                self._open(context, connection_info["data"], encryption)
            self._act(instance, connection_info, lambda disks, path, serial: disks.plug(path, serial))
        except DiskError as error:
            raise exception.InternalError(str(error)) from error

    def detach_volume(
        self,
        context: Any,
        connection_info: dict[str, Any],
        instance: Any,
        mountpoint: str,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        try:
            self._act(instance, connection_info, lambda disks, path, _: disks.unplug(path))
            if connection_info["data"].get("encrypted"):
                self._luks.close(connection_info["data"]["volume_id"])
        except DiskError as error:
            volume_id = connection_info["data"]["volume_id"]
            raise exception.DeviceDetachFailed(device=volume_id, reason=str(error)) from error
        super().detach_volume(context, connection_info, instance, mountpoint)

    def extend_volume(
        self, context: Any, connection_info: dict[str, Any], instance: Any, requested_size: int
    ) -> None:
        data = connection_info["data"]
        try:
            if data.get("encrypted"):
                self._luks.grow(data["volume_id"], data["device_path"])
            self._act(instance, connection_info, lambda disks, path, serial: disks.grow(path, serial))
        except DiskInUse as error:
            LOG.warning("%s: the node sees the new size at the next attach", error)
        except DiskError as error:
            raise exception.InternalError(str(error)) from error

    def power_on(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Also what a reboot ends with. A node that lost its power has come back without its disks."""
        super().power_on(context, instance, network_info, block_device_info, *args, **kwargs)
        info = block_device_info or {}
        for disk in info.get("block_device_mapping", []):
            if disk["mount_device"] != info.get("root_device_name"):
                self.attach_volume(context, disk["connection_info"], instance, disk["mount_device"])
