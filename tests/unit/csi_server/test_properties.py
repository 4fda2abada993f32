# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every size, parameter, topology, page, request, connector, mount and command line."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mooring.storage.csi_server.block import (
    connector,
    group_snapshot_parameters,
    mutable_parameters,
    names,
    node_requests,
    parameters,
    sizes,
    snapshot_parameters,
)
from ansible_collections.mooring.storage.csi_server.block.topology import Zones
from ansible_collections.mooring.storage.csi_server.config import options
from ansible_collections.mooring.storage.csi_server.host.commands import SystemCommands
from ansible_collections.mooring.storage.csi_server.host.mounts import Mounts, parse_mountinfo
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.rpc import pages
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import InvalidRequest, OutOfRange

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=40)


@given(INT64, INT64)
def test_a_size_is_the_least_that_holds_what_is_required(required: int, limit: int) -> None:
    try:
        found = sizes.parse(required, limit)
    except OutOfRange:
        assert required < 0 or limit < 0 or limit // sizes.GIB < max(1, -(-required // sizes.GIB))
        return
    assert found.least >= 1
    assert found.least * sizes.GIB >= required
    assert found.least == 1 or (found.least - 1) * sizes.GIB < required
    assert not limit or found.least * sizes.GIB <= limit
    assert found.holds(found.least)


@given(
    st.dictionaries(st.sampled_from([parameters.TYPE, parameters.AVAILABILITY, *parameters.DESCRIBING]), TEXT)
)
def test_known_parameters_are_kept_as_they_are(given_ones: dict[str, str]) -> None:
    found = parameters.parse(given_ones)
    known = {parameters.TYPE: found.type, parameters.AVAILABILITY: found.availability}
    assert {name: value for name, value in known.items() if name in given_ones} | dict(
        found.claim
    ) == given_ones


@given(TEXT)
def test_an_unknown_parameter_is_named(name: str) -> None:
    if name in (*parameters.KNOWN, *parameters.DESCRIBING):
        return
    with pytest.raises(InvalidRequest) as error:
        parameters.parse({name: "x"})
    assert name in str(error.value)


def assert_names_one(refused: InvalidRequest, given_ones: Mapping[str, str]) -> None:
    assert any(f"parameter {name}" in str(refused) for name in given_ones)


@given(
    st.dictionaries(
        st.sampled_from([parameters.TYPE, mutable_parameters.MIGRATION_POLICY, *parameters.DESCRIBING])
        | st.sampled_from(["", "owner", names.CLUSTER]).map("metadata.".__add__)
        | TEXT.map("metadata.".__add__),
        st.sampled_from(["never", "on-demand", "x" * 256]) | TEXT,
    )
)
def test_mutable_parameters_are_kept_as_they_are_or_one_is_named(given_ones: dict[str, str]) -> None:
    try:
        found = mutable_parameters.parse(given_ones)
    except InvalidRequest as refused:
        assert_names_one(refused, given_ones)
        return
    kept = {f"metadata.{key}": value for key, value in found.metadata.items()}
    kept |= {parameters.TYPE: found.type, mutable_parameters.MIGRATION_POLICY: found.migration_policy}
    changing = {name: value for name, value in given_ones.items() if name not in parameters.DESCRIBING}
    assert {**kept, **changing} == kept


@given(
    st.dictionaries(
        st.sampled_from([*snapshot_parameters.KNOWN, *snapshot_parameters.DESCRIBING]),
        st.sampled_from(["snapshot", "backup", "true", "False"]) | st.integers(-1, 10**9).map(str) | TEXT,
    )
)
def test_snapshot_parameters_are_understood_or_one_is_named(given_ones: dict[str, str]) -> None:
    try:
        found = snapshot_parameters.parse(given_ones)
    except InvalidRequest as refused:
        assert_names_one(refused, given_ones)
        return
    assert found.kind.value == (given_ones.get(snapshot_parameters.TYPE) or "snapshot")
    assert found.force == (given_ones.get(snapshot_parameters.FORCE_CREATE, "t")[0] in "1tT")
    assert found.backup_zone == given_ones.get(snapshot_parameters.AVAILABILITY, "")
    assert found.describing.items() <= given_ones.items()


@given(
    st.dictionaries(
        st.sampled_from([*group_snapshot_parameters.KNOWN, *group_snapshot_parameters.DESCRIBING]) | TEXT,
        st.sampled_from(["true", "false"]) | TEXT,
    )
)
def test_group_snapshot_parameters_name_a_group_type_or_are_refused(given_ones: dict[str, str]) -> None:
    try:
        found = group_snapshot_parameters.parse(given_ones)
    except InvalidRequest as refused:
        missing = {group_snapshot_parameters.GROUP_TYPE: ""}
        assert_names_one(refused, {**missing, **given_ones})
        return
    assert found.group_type
    assert found.group_type == given_ones[group_snapshot_parameters.GROUP_TYPE]
    assert found.vouched == (given_ones.get(group_snapshot_parameters.CONSISTENT) == "true")


ZONES = st.text("ab", max_size=2)
TOPOLOGIES = st.lists(
    st.builds(lambda zone: csi.Topology(segments={names.TOPOLOGY_ZONE: zone}), ZONES), max_size=3
)


@given(TOPOLOGIES, TOPOLOGIES, st.dictionaries(ZONES, ZONES, max_size=3))
def test_a_volume_is_reached_from_the_zone_for_which_it_was_made(
    preferred: list[csi.Topology], requisite: list[csi.Topology], volume_zones: dict[str, str]
) -> None:
    zones = Zones(volume_zones)
    requirement = csi.TopologyRequirement(preferred=preferred, requisite=requisite)
    wanted = zones.wanted(requirement)
    asked = [zones.of_segments(each.segments) for each in (*preferred, *requisite)]
    assert wanted == next((zone for zone in asked if zone), "")
    if wanted:
        reached = zones.accessible(wanted, requirement)
        assert reached
        assert all(zones.of_segments(each.segments) == wanted for each in reached)


@dataclass(frozen=True)
class Entry:
    """What is listed."""

    id: str


IDS = st.lists(st.uuids().map(str), unique=True, max_size=12)


@given(IDS, st.integers(1, 5), st.data())
def test_pages_hold_all_that_stays_once_whatever_goes(
    ids: list[str], max_entries: int, data: st.DataObject
) -> None:
    there, seen, token, gone = set(ids), list[str](), "", set[str]()
    while True:
        page = pages.page([Entry(each) for each in there], max_entries, token)
        assert len(page.entries) <= max_entries
        seen += [entry.id for entry in page.entries]
        token = page.next_token
        if not token:
            break
        leaving = data.draw(st.sets(st.sampled_from(sorted(there)), max_size=2))
        gone |= leaving
        there -= leaving
    assert len(seen) == len(set(seen))
    assert set(ids) - gone <= set(seen)


@given(TEXT)
def test_a_token_of_others_is_refused(token: str) -> None:
    with pytest.raises(pages.BadToken):
        pages.page([Entry(str(uuid.UUID(int=1)))], 1, token or "x")


@st.composite
def access(draw: st.DrawFn) -> csi.VolumeCapability:
    mode = csi.VolumeCapability.AccessMode(mode=draw(st.integers(0, 9)))  # type: ignore[arg-type]
    if draw(st.booleans()):
        return csi.VolumeCapability(block=csi.VolumeCapability.BlockVolume(), access_mode=mode)
    fs_type = draw(st.sampled_from(["", "ext4", "XFS", "ntfs"]) | TEXT)
    mount = csi.VolumeCapability.MountVolume(fs_type=fs_type, mount_flags=draw(st.lists(TEXT, max_size=2)))
    return csi.VolumeCapability(mount=mount, access_mode=mode)


PATHS = TEXT | TEXT.map(lambda text: f"/{text}")
CONTEXT = st.dictionaries(st.sampled_from([names.SIZE, names.SERIAL]) | TEXT, st.just("1073741824") | TEXT)


@given(TEXT, PATHS, access(), CONTEXT)
def test_a_stage_request_is_understood_or_refused(
    volume_id: str, path: str, capability: csi.VolumeCapability, context: dict[str, str]
) -> None:
    request = csi.NodeStageVolumeRequest(
        volume_id=volume_id,
        staging_target_path=path,
        volume_capability=capability,
        publish_context=context,
    )
    try:
        wanted = node_requests.stage(request)
    except InvalidRequest:
        return
    assert wanted.volume_id == volume_id
    assert os.path.isabs(wanted.path)
    assert "\0" not in wanted.path


NODE_IDS = st.lists(
    st.sampled_from(["host=node1", "host=", "ip=192.0.2.1", "wwpns=,", "multipath=1", "&", "%", "%zz=%ff"])
    | TEXT
).map("&".join)


@given(NODE_IDS)
def test_a_node_id_is_a_connector_or_refused(node_id: str) -> None:
    try:
        found = connector.decode(node_id)
    except connector.BadConnector:
        return
    assert connector.is_node_id(node_id)
    assert found["host"]
    assert all(isinstance(found[flag], bool) for flag in ("multipath", "enforce_multipath"))


PORTS = st.lists(st.text("0123456789abcdef", min_size=1, max_size=16), min_size=1, max_size=3)
CONNECTORS = st.fixed_dictionaries(
    {
        "host": st.text(min_size=1, max_size=12),
        "initiator": st.text(min_size=1, max_size=12),
        "multipath": st.booleans(),
        "enforce_multipath": st.booleans(),
    },
    optional={"ip": st.text(min_size=1, max_size=12), "wwpns": PORTS, "wwnns": PORTS},
)


@given(CONNECTORS)
def test_a_connector_is_read_as_it_was_written(properties: dict[str, Any]) -> None:
    try:
        node_id = connector.encode(properties)
    except connector.BadConnector:
        # It is written in three bytes for each of most characters.
        assert sum(len(str(value)) for value in properties.values()) > connector.LONGEST_ID // 12
        return
    assert len(node_id) <= connector.LONGEST_ID
    found = connector.decode(node_id)
    assert {name: found[name] for name in properties} == properties


@given(
    st.text()
    | st.lists(st.sampled_from(["1 2 8:0 / /a rw", " - ", "ext4 /dev/a rw", "\\777", "\n"])).map("".join)
)
def test_lines_that_are_no_mounts_are_passed_over(text: str) -> None:
    for mount in parse_mountinfo(text):
        assert mount.number


#: What the kernel takes for the name of a folder.
NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: not {0, ord("/")} & set(name))


def escaped(name: bytes) -> bytes:
    """As the kernel writes a path to mountinfo."""
    return b"".join(b"\\%03o" % byte if byte in b" \t\n\\" else bytes([byte]) for byte in name)


@given(folders=st.lists(NAMES, min_size=1, max_size=4))
def test_every_mount_is_seen_whatever_its_folder_is_called(
    folders: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [b"1 0 8:0 /%s /at/%s rw - ext4 /dev/a rw\n" % (escaped(each), escaped(each)) for each in folders]
    file: Path = tmp_path_factory.mktemp("kernel") / "mountinfo"
    file.write_bytes(b"".join(lines))
    found = Mounts(SystemCommands(), str(file)).all()
    assert [os.fsencode(mount.path) for mount in found] == [b"/at/" + each for each in folders]
    assert [os.fsencode(mount.root) for mount in found] == [b"/" + each for each in folders]


@given(st.lists(TEXT | st.sampled_from(["--endpoint", "--threads=0", "--http-endpoint=:x", "--cluster"])))
def test_a_command_line_is_understood_or_ends_with_its_error(arguments: list[str]) -> None:
    try:
        options.parse(arguments)
    except SystemExit as ended:
        code = ended.code
    else:
        code = 0
    assert code in (0, 2)
