# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted volumes over a unix socket, down to the programs and the kernel's files, which are stand-ins."""

from __future__ import annotations

import logging

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block.node_requests import stage
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.tests.unit.csi_server.host.machine import (
    GIB,
    LUKS_HEADER,
    VOLUME,
    Machine,
    luks_header,
)

from .test_node import Code, Kubelet, Mode, kubelet, locks, machine, mounted, node, raw, refused

__all__ = ["kubelet", "locks", "machine", "node"]

KEY = "correct horse battery staple"
CONTEXT = {"cinder.csi.openstack.org/encrypted": "true"}
SECRET = {"encryptionPassphrase": KEY}
MAPPING = f"luks-{VOLUME}"


def stage_encrypted(kubelet: Kubelet, capability: csi.VolumeCapability, key: str = KEY) -> None:
    kubelet.stage(capability, volume_context=CONTEXT, secrets={"encryptionPassphrase": key})


def cryptsetup(machine: Machine) -> list[str]:
    """What cryptsetup was called for, beside looking."""
    return [call[1] for call in machine.calls if call[0] == "cryptsetup" and call[1] != "luksDump"]


def test_a_blank_volume_is_formatted_opened_and_given_its_filesystem_inside(
    kubelet: Kubelet, machine: Machine
) -> None:
    stage_encrypted(kubelet, mounted("ext4"))
    assert cryptsetup(machine) == ["luksFormat", "open"]
    formatted = [call[-1] for call in machine.calls if call[0] == "mkfs.ext4"]
    assert formatted == [str(machine.dev / "dm-0")]
    assert machine.probes[str(machine.dev / "vdb")].startswith("TYPE=crypto_LUKS")
    kubelet.publish(mounted("ext4"), volume_context=CONTEXT)
    kubelet.statistics(kubelet.target)


def test_the_key_is_in_no_argument_and_in_no_log_line(
    kubelet: Kubelet, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage_encrypted(kubelet, mounted())
    assert not [call for call in machine.calls if any(KEY in word for word in call)]
    assert KEY not in caplog.text
    request = csi.NodeStageVolumeRequest(
        volume_id=VOLUME,
        staging_target_path="/s",
        volume_capability=mounted(),
        volume_context=CONTEXT,
        secrets=SECRET,
    )
    assert KEY not in repr(stage(request))


def test_every_call_may_come_again_and_unstaging_closes(kubelet: Kubelet, machine: Machine) -> None:
    for dummy in range(2):
        stage_encrypted(kubelet, mounted())
    assert cryptsetup(machine) == ["luksFormat", "open"]
    for dummy in range(2):
        kubelet.unstage()
    assert cryptsetup(machine) == ["luksFormat", "open", "close"]
    stage_encrypted(kubelet, mounted())
    assert cryptsetup(machine) == ["luksFormat", "open", "close", "open"]


def test_a_mapping_that_another_pod_has_stays(kubelet: Kubelet, machine: Machine) -> None:
    stage_encrypted(kubelet, mounted("ext4"))
    in_use = machine.sys / "fs/ext4/dm-0"
    in_use.mkdir(parents=True)
    with refused(Code.ABORTED, "still in use"):
        kubelet.unstage()
    assert "close" not in cryptsetup(machine)
    in_use.rmdir()
    kubelet.unstage()
    assert cryptsetup(machine)[-1] == "close"


def test_a_raw_volume_is_published_from_its_mapping(kubelet: Kubelet, machine: Machine) -> None:
    stage_encrypted(kubelet, raw())
    kubelet.publish(raw(), volume_context=CONTEXT)
    bound = [call for call in machine.calls if call[0] == "mount"]
    assert bound[-1][-2] == str(machine.dev / "dm-0")
    usage = kubelet.statistics(kubelet.target).usage
    assert usage[0].total == GIB - LUKS_HEADER


def test_a_raw_volume_that_is_not_open_is_not_published(kubelet: Kubelet) -> None:
    with refused(Code.FAILED_PRECONDITION, "not open on this node"):
        kubelet.publish(raw(), volume_context=CONTEXT)


def test_a_wrong_key_is_told_and_changes_nothing(kubelet: Kubelet, machine: Machine) -> None:
    stage_encrypted(kubelet, mounted())
    kubelet.unstage()
    machine.calls.clear()
    with refused(Code.FAILED_PRECONDITION, f"does not open volume {VOLUME}"):
        stage_encrypted(kubelet, mounted(), key="another")
    assert cryptsetup(machine) == ["open"]
    assert "mount" not in machine.programs()


@pytest.mark.parametrize(
    ("epoch", "slots", "mode", "formatted"),
    [
        (2, "", Mode.SINGLE_NODE_MULTI_WRITER, True),
        (2, "", Mode.SINGLE_NODE_READER_ONLY, False),
        # Somebody has taken its keys away.
        (4, "", Mode.SINGLE_NODE_MULTI_WRITER, False),
        (2, "  0: luks2\n", Mode.SINGLE_NODE_MULTI_WRITER, False),
    ],
)
def test_formatting_that_was_ended_before_the_header_had_a_key_is_done_again(
    kubelet: Kubelet, machine: Machine, epoch: int, slots: str, mode: Mode.Mode.ValueType, formatted: bool
) -> None:
    disk = str(machine.dev / "vdb")
    machine.probes[disk], machine.keys[disk] = "TYPE=crypto_LUKS\n", "none opens it"
    machine.header = luks_header(epoch, slots)
    if formatted:
        stage_encrypted(kubelet, raw(mode))
    else:
        with refused(Code.FAILED_PRECONDITION, "does not open"):
            stage_encrypted(kubelet, raw(mode))
    assert ("luksFormat" in cryptsetup(machine)) == formatted


def test_without_a_key_nothing_is_touched(kubelet: Kubelet, machine: Machine) -> None:
    with refused(Code.INVALID_ARGUMENT, "secrets.encryptionPassphrase is missing"):
        kubelet.stage(mounted(), volume_context=CONTEXT)
    assert machine.calls == []


def test_a_volume_that_carries_something_else_is_not_formatted(kubelet: Kubelet, machine: Machine) -> None:
    machine.probes[str(machine.dev / "vdb")] = "TYPE=ext4\nUSAGE=filesystem\n"
    with refused(Code.FAILED_PRECONDITION, "carries ext4, not LUKS"):
        stage_encrypted(kubelet, mounted())
    assert cryptsetup(machine) == []


@pytest.mark.parametrize("where", [0, 5 * 1024**2 + 7])
def test_a_copy_of_data_in_the_clear_is_not_formatted(kubelet: Kubelet, machine: Machine, where: int) -> None:
    context = {**CONTEXT, "cinder.csi.openstack.org/resizeRequired": "true"}
    with open(machine.dev / "vdb", "r+b") as disk:
        disk.seek(where)
        disk.write(b"what no program knows")
    with refused(Code.FAILED_PRECONDITION, "made of one that is not encrypted"):
        kubelet.stage(raw(), volume_context=context, secrets=SECRET)
    assert cryptsetup(machine) == []


def test_a_copy_of_a_volume_that_was_never_used_is_formatted(kubelet: Kubelet, machine: Machine) -> None:
    context = {**CONTEXT, "cinder.csi.openstack.org/resizeRequired": "true"}
    kubelet.stage(raw(), volume_context=context, secrets=SECRET)
    assert cryptsetup(machine) == ["luksFormat", "open"]


def test_an_encrypted_volume_is_not_mounted_by_a_class_that_is_not(
    kubelet: Kubelet, machine: Machine
) -> None:
    machine.probes[str(machine.dev / "vdb")] = "TYPE=crypto_LUKS\nUSAGE=crypto\n"
    with refused(Code.FAILED_PRECONDITION, "crypto_LUKS"):
        kubelet.stage(mounted())


def test_the_mapping_of_a_device_that_was_taken_away_is_replaced(kubelet: Kubelet, machine: Machine) -> None:
    stage_encrypted(kubelet, raw())
    # The volume went to another node and came back, as another device.
    (machine.sys / "class/block/dm-0/slaves/vdb").rmdir()
    stage_encrypted(kubelet, raw())
    assert cryptsetup(machine) == ["luksFormat", "open", "close", "open"]


def test_a_mounted_mapping_of_a_disk_that_has_gone_is_replaced(kubelet: Kubelet, machine: Machine) -> None:
    stage_encrypted(kubelet, mounted())
    machine.move("vdb", "vdc", VOLUME[:20], link=f"virtio-{VOLUME[:20]}")
    stage_encrypted(kubelet, mounted())
    assert cryptsetup(machine) == ["luksFormat", "open", "close", "open"]


def test_a_mapping_of_a_disk_that_has_gone_is_told(kubelet: Kubelet, machine: Machine) -> None:
    stage_encrypted(kubelet, mounted())
    machine.unplug("vdb")
    told = kubelet.statistics(kubelet.staging)
    assert told.volume_condition.abnormal
    assert "has gone while it was in use" in told.volume_condition.message


def test_a_stage_that_fails_for_good_leaves_no_mapping(kubelet: Kubelet, machine: Machine) -> None:
    machine.failures["mount"] = "wrong fs type"
    with refused(Code.INTERNAL, "wrong fs type"):
        stage_encrypted(kubelet, mounted())
    assert cryptsetup(machine) == ["luksFormat", "open", "close"]


def test_a_stage_that_the_kubelet_repeats_keeps_its_mapping(kubelet: Kubelet, machine: Machine) -> None:
    machine.endless.add("mount")
    with refused(Code.DEADLINE_EXCEEDED, "mount"):
        stage_encrypted(kubelet, mounted())
    assert cryptsetup(machine) == ["luksFormat", "open"]


def test_a_published_raw_volume_outlives_a_stage_that_fails(kubelet: Kubelet, machine: Machine) -> None:
    machine.protected.add(str(machine.dev / "dm-0"))
    readers = raw(Mode.SINGLE_NODE_READER_ONLY)
    stage_encrypted(kubelet, raw())
    stage_encrypted(kubelet, readers)
    kubelet.publish(readers, volume_context=CONTEXT)
    with refused(Code.FAILED_PRECONDITION, "write protected"):
        stage_encrypted(kubelet, raw())
    assert "close" not in cryptsetup(machine)


def test_the_first_error_is_told_when_undoing_fails_too(kubelet: Kubelet, machine: Machine) -> None:
    machine.failures["mount"] = "wrong fs type"
    machine.unclosable = True
    with refused(Code.INTERNAL, "wrong fs type"):
        stage_encrypted(kubelet, mounted())


def test_it_grows_below_the_filesystem_and_needs_no_key(kubelet: Kubelet, machine: Machine) -> None:
    stage_encrypted(kubelet, mounted())
    machine.grow("vdb", 2 * GIB)
    request = csi.NodeExpandVolumeRequest(
        volume_id=VOLUME,
        volume_path=kubelet.staging,
        capacity_range=csi.CapacityRange(required_bytes=2 * GIB),
    )
    assert kubelet.node.NodeExpandVolume(request).capacity_bytes == 2 * GIB
    assert machine.programs()[-2:] == ["cryptsetup", "resize2fs"]
    assert machine.calls[-1][-1] == str(machine.dev / "dm-0")
    assert (machine.dev / "dm-0").stat().st_size == 2 * GIB - LUKS_HEADER


def test_several_writing_nodes_would_each_format_it(kubelet: Kubelet) -> None:
    with refused(Code.INVALID_ARGUMENT, "not possible with encrypted volumes"):
        stage_encrypted(kubelet, raw(Mode.MULTI_NODE_MULTI_WRITER))


def test_a_failing_cryptsetup_is_told(kubelet: Kubelet, machine: Machine) -> None:
    machine.failures["cryptsetup"] = "Cannot initialize device-mapper. Is dm_mod kernel module loaded?"
    with pytest.raises(grpc.RpcError, match="dm_mod kernel module"):
        stage_encrypted(kubelet, mounted())
