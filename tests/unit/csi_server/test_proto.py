# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our proto and the official one are the same interface, and ours adds only what 1.12 had."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

ROOT = Path(__file__).parents[3]
OURS = ROOT / "csi_server" / "proto"
#: Gone from 1.13, read by kubelets of Kubernetes 1.36 and older.
KEPT = {
    "VolumeCondition",
    "VolumeCondition.abnormal",
    "VolumeCondition.message",
    "ListVolumesResponse.VolumeStatus.volume_condition",
    "ControllerGetVolumeResponse.VolumeStatus.volume_condition",
    "NodeGetVolumeStatsResponse.volume_condition",
    "ControllerServiceCapability.RPC.Type.VOLUME_CONDITION",
    "NodeServiceCapability.RPC.Type.VOLUME_CONDITION",
}


def compiled(folder: Path, name: str, work: Path) -> descriptor_pb2.FileDescriptorProto:
    out = work / "set"
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"--descriptor_set_out={out}", name],
        check=True,
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return files.file[0]


def elements(file: descriptor_pb2.FileDescriptorProto) -> dict[str, Any]:
    """Everything in a file that is seen on the wire or steers what we do with it, by its full name."""
    found: dict[str, Any] = {}
    for extension in file.extension:
        found[extension.name + extension.extendee] = (extension.number, extension.type)
    for service in file.service:
        for method in service.method:
            found[f"{service.name}.{method.name}"] = (
                method.input_type,
                method.output_type,
                method.client_streaming,
                method.server_streaming,
            )
    for enum in file.enum_type:
        found.update(enum_elements(enum, ""))
    for message in file.message_type:
        found.update(message_elements(message, ""))
    return found


def enum_elements(enum: descriptor_pb2.EnumDescriptorProto, prefix: str) -> dict[str, Any]:
    return {f"{prefix}{enum.name}.{value.name}": value.number for value in enum.value}


def message_elements(message: descriptor_pb2.DescriptorProto, prefix: str) -> dict[str, Any]:
    name = prefix + message.name
    found: dict[str, Any] = {name: message.options.SerializeToString()}
    for field in message.field:
        oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
        options = field.options.SerializeToString()
        found[f"{name}.{field.name}"] = (
            field.number,
            field.type,
            field.label,
            field.type_name,
            oneof,
            options,
        )
    for enum in message.enum_type:
        found.update(enum_elements(enum, f"{name}."))
    for nested in message.nested_type:
        found.update(message_elements(nested, f"{name}."))
    return found


def module_folder(tools: str, module: str) -> Path:
    """Where Go keeps a module that one of our Go modules pins; it is fetched when it is not there."""
    find = ["go", "list", "-m", "-f", "{{.Dir}}", module]
    folder = ROOT / "tools" / tools
    found = subprocess.run(find, cwd=folder, capture_output=True, text=True, check=False).stdout.strip()
    if not found:
        subprocess.run(["go", "mod", "download", module], cwd=folder, check=True)
        found = subprocess.run(find, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    return Path(found)


def test_each_message_field_and_method_of_csi_is_the_official_one(tmp_path: Path) -> None:
    official = module_folder("csi-sanity", "github.com/container-storage-interface/spec")
    ours = elements(compiled(OURS, "csi.proto", tmp_path))
    theirs = elements(compiled(official, "csi.proto", tmp_path))
    assert len(theirs) > 300
    assert {name: ours.get(name) for name in theirs} == theirs
    assert set(ours) - set(theirs) == KEPT


def test_registration_is_the_kubelets(tmp_path: Path) -> None:
    official = module_folder("kubernetes", "k8s.io/kubelet") / "pkg" / "apis" / "pluginregistration" / "v1"
    ours, theirs = (
        compiled(folder, name, tmp_path)
        for folder, name in ((OURS, "pluginregistration.proto"), (official, "api.proto"))
    )
    assert ours.package == theirs.package == "pluginregistration"
    assert elements(ours) == elements(theirs)
