# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who this node is: the id of its Nova server and the zone it is in, from the first source that knows.

The sources answer in the order that is set; each says why it cannot answer. Names of sources and of
their options are those of cloud-provider-openstack's ``search-order`` where it has them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..plugins.module_utils._cloud.waiting import Deadline
from .block import names
from .host.commands import Commands, SystemCommands
from .host.devices import Devices
from .host.errors import HostError
from .nearest import nearest

FLAG = "flag"
CONFIG_DRIVE = "configDrive"
METADATA_SERVICE = "metadataService"
CLOUD_INIT = "cloudInit"
DMI = "dmi"
PROVIDER_ID = "providerID"
ORDER = (FLAG, CONFIG_DRIVE, METADATA_SERVICE, CLOUD_INIT, DMI, PROVIDER_ID)

METADATA_ADDRESS = "169.254.169.254"
METADATA_TIMEOUT = 5.0
#: Seconds from the start in which sources that tell a zone may still come up.
ZONE_WAIT = 60.0
KUBELET_FOLDER = "/var/lib/kubelet"
#: Where a kubelet is told its providerID: by its configuration, or by the options that kubeadm gives it.
_KUBELET_FILES = ("config.yaml", "kubeadm-flags.env")
#: openstack:///UUID, or with a region before the third slash.
_PROVIDER_ID = re.compile(
    r"""^[^#\n]*provider-?id["']?[:=\s]\s*["']?openstack://[^/\s]*/["']?([0-9a-f-]{36})\b""",
    re.IGNORECASE | re.MULTILINE,
)
_DOCUMENT = "openstack/latest/meta_data.json"
_CONFIG_DRIVE_LABEL = "config-2"
#: What Nova makes it of.
_CONFIG_DRIVE_TYPES = "iso9660,vfat"
#: What cloud-init calls the cloud, by where it has read of it: the metadata service, or a config drive.
_CLOUD_INIT_NAMES = ("openstack", "configdrive")
_LARGEST_DOCUMENT = 4 * 1024**2
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class SourceSilent(Exception):
    """A source does not know the node; the text says why."""


class Unknown(Exception):
    """No source knows the node; the text names each and why."""


@dataclass(frozen=True)
class NodeIdentity:
    """The node as the cloud knows it.

    :ivar node_id: the UUID of the Nova server, or what the flag says.
    :ivar zone: its availability zone as a Kubernetes label value, empty when the source tells none.
    :ivar source: the name of the source.
    """

    node_id: str
    zone: str
    source: str


Source = Callable[[], NodeIdentity]


def identify(
    order: Sequence[str],
    node_id: str = "",
    metadata_timeout: float = METADATA_TIMEOUT,
    zone_until: Deadline | None = None,
    kubelet_folder: str = KUBELET_FOLDER,
) -> NodeIdentity:
    """Ask this machine's sources in turn.

    :param order: names of sources, as :func:`parse_order` gives them.
    :param node_id: the value of the flag.
    :param metadata_timeout: seconds that each step of asking the metadata service may take.
    :param kubelet_folder: the kubelet's, as seen from here.
    :param zone_until: until then the zone is worth waiting for, None when it is not wanted.
    :raises Unknown: none of them answers, or one without the zone while better ones may still come.
    """
    commands = SystemCommands()
    sources = all_sources(commands, Devices(commands), node_id, metadata_timeout, kubelet_folder)
    return first_answer(order, sources, zone_until)


def first_answer(
    order: Sequence[str], sources: Mapping[str, Source], zone_until: Deadline | None = None
) -> NodeIdentity:
    """Ask ``sources`` in turn.

    :param zone_until: as for :func:`identify`.
    :raises Unknown: as there.
    """
    silent: dict[str, str] = {}
    for name in order:
        try:
            found = sources[name]()
        except SourceSilent as error:
            silent[name] = f"{name}: {error}"
            continue
        # The flag will say no more than it has.
        others_may_come = bool(silent.keys() - {FLAG}) and zone_until is not None and not zone_until.passed()
        if found.zone or not others_may_come:
            return found
        raise Unknown(
            f"{name} knows the id of this node, but no zone; others may soon ({'; '.join(silent.values())})"
        )
    raise Unknown(f"no source knows the id of this node ({'; '.join(silent.values())}): give --node-id")


def parse_order(text: str) -> tuple[str, ...]:
    """Read a comma-separated list of sources.

    :raises ValueError: it is empty, or names an unknown source.
    """
    order = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in order:
        if name not in ORDER:
            near = nearest(name, ORDER)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(ORDER)}"
            raise ValueError(f"source {name!r} of the node's id is unknown: {hint}")
    if not order:
        raise ValueError(f"the list of sources of the node's id is empty: give some of {', '.join(ORDER)}")
    return order


def all_sources(
    commands: Commands,
    devices: Devices,
    node_id: str = "",
    metadata_timeout: float = METADATA_TIMEOUT,
    kubelet_folder: str = KUBELET_FOLDER,
) -> dict[str, Source]:
    """Every source on this machine, by name.

    :param node_id: the flag's value.
    :param metadata_timeout: seconds that each step of asking the metadata service may take.
    :param kubelet_folder: the kubelet's, as seen from here.
    """
    return {
        FLAG: lambda: from_flag(node_id),
        CONFIG_DRIVE: lambda: from_config_drive(commands, devices),
        METADATA_SERVICE: lambda: from_metadata_service(metadata_timeout),
        CLOUD_INIT: from_cloud_init,
        DMI: from_dmi,
        PROVIDER_ID: lambda: from_kubelet(kubelet_folder),
    }


def from_flag(node_id: str) -> NodeIdentity:
    if not node_id:
        raise SourceSilent("--node-id is not given")
    return NodeIdentity(node_id, "", FLAG)


def from_config_drive(commands: Commands, devices: Devices) -> NodeIdentity:
    """The drive that Nova adds to a server with ``config_drive``: iso9660 or vfat with a known label.

    It is a whole disk, and none of a volume: whoever may write to a volume may write such a label.
    """
    try:
        # 2: no such device
        listed = commands.run(["blkid", "-t", f"LABEL={_CONFIG_DRIVE_LABEL}", "-o", "device"], accept=(0, 2))
    except HostError as error:
        raise SourceSilent(error.message) from error
    disks = {disk.path: disk for disk in devices.physical()}
    refused = []
    for path in listed.out.split():
        if path not in disks:
            refused.append(f"{path} is no whole disk of this machine")
        elif devices.looks_like_a_volume(disks[path]):
            refused.append(f"{path} is a volume")
        else:
            try:
                return parse_metadata(_read_drive(commands, path), CONFIG_DRIVE)
            except SourceSilent as error:
                refused.append(f"{path}: {error}")
    raise SourceSilent("; ".join(refused) or f"no device has the label {_CONFIG_DRIVE_LABEL}")


def _read_drive(commands: Commands, path: str) -> bytes:
    # Imported here: few nodes have a config drive, and each keeps what it imports.
    import tempfile

    try:
        with tempfile.TemporaryDirectory(prefix="config-drive-", ignore_cleanup_errors=True) as folder:
            commands.run(["mount", "-t", _CONFIG_DRIVE_TYPES, "-o", "ro,nosuid,nodev,noexec", path, folder])
            try:
                return _read_file(os.path.join(folder, _DOCUMENT))
            finally:
                commands.run(["umount", folder])
    except HostError as error:
        raise SourceSilent(error.message) from error
    except OSError as error:
        raise SourceSilent(f"no folder to mount {path} at: {error}") from error


def from_metadata_service(timeout: float, host: str = METADATA_ADDRESS, port: int = 80) -> NodeIdentity:
    """The service on the link-local address, asked directly: never through a proxy."""
    # Imported here: it brings TLS along in a process that has not said yet that it has no use for it.
    import http.client

    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    with contextlib.closing(connection):
        try:
            connection.request("GET", f"/{_DOCUMENT}")
            response = connection.getresponse()
            document = response.read(_LARGEST_DOCUMENT)
        except (OSError, http.client.HTTPException) as error:
            raise SourceSilent(f"{host} does not answer: {error or type(error).__name__}") from error
    if response.status != http.client.OK:
        raise SourceSilent(f"{host} answers {response.status} {response.reason} for /{_DOCUMENT}")
    return parse_metadata(document, METADATA_SERVICE)


def from_cloud_init(path: str = "/run/cloud-init/instance-data.json") -> NodeIdentity:
    """What cloud-init left of its data source."""
    data = _parse_object(_read_file(path), path).get("v1")
    if not isinstance(data, dict):
        raise SourceSilent(f"{path} has no object v1")
    cloud = data.get("cloud_name") or data.get("cloud-name")
    if cloud not in _CLOUD_INIT_NAMES:
        raise SourceSilent(f"{path} is of the cloud {cloud!r}, not of openstack")
    return _identity(
        data.get("instance_id") or data.get("instance-id"), data.get("availability_zone"), CLOUD_INIT
    )


def from_dmi(folder: str = "/sys/class/dmi/id") -> NodeIdentity:
    """The UUID that libvirt gives the machine; it is the server's only where Nova made the machine."""
    described = " ".join(
        _read_optional(os.path.join(folder, name))
        for name in ("sys_vendor", "product_name", "chassis_asset_tag")
    )
    if "openstack" not in described.lower():
        raise SourceSilent(
            f"{folder} describes a machine that is not of OpenStack ({described.strip() or 'nothing'})"
        )
    product_uuid = _read_file(os.path.join(folder, "product_uuid")).decode("ascii", "replace")
    return _identity(product_uuid.strip(), None, DMI)


def from_kubelet(folder: str) -> NodeIdentity:
    """The Node's providerID where the kubelet was told it. To ask Kubernetes would take a token."""
    for name in _KUBELET_FILES:
        found = _PROVIDER_ID.search(_read_optional(os.path.join(folder, name)))
        if found:
            return _identity(found[1], None, PROVIDER_ID)
    raise SourceSilent(f"no providerID openstack:///UUID in {' or '.join(_KUBELET_FILES)} of {folder}")


def parse_metadata(document: bytes, source: str) -> NodeIdentity:
    """Read ``meta_data.json``, see "Metadata service" in Nova's user documentation.

    :raises SourceSilent: it is not that document, or has no server's UUID.
    """
    data = _parse_object(document, "meta_data.json")
    return _identity(data.get("uuid"), data.get("availability_zone"), source)


def _identity(node_id: object, zone: object, source: str) -> NodeIdentity:
    text = node_id.lower() if isinstance(node_id, str) else ""
    if not _UUID.fullmatch(text):
        raise SourceSilent(f"its id {node_id!r} is not the UUID of a server")
    return NodeIdentity(text, names.zone_label(zone) if isinstance(zone, str) else "", source)


def _parse_object(document: bytes, what: str) -> dict[str, object]:
    try:
        data = json.loads(document)
    except ValueError as error:
        raise SourceSilent(f"{what} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise SourceSilent(f"{what} is not a JSON object")
    return data


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST_DOCUMENT)
    except OSError as error:
        raise SourceSilent(f"cannot read {path}: {error.strerror}") from error


def _read_optional(path: str) -> str:
    try:
        return _read_file(path).decode("utf-8", "replace").strip()
    except SourceSilent:
        return ""
