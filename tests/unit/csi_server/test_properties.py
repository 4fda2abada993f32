# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every size, parameter, topology, page, request and command line."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mooring.storage.csi_server.block import names, node_requests, parameters, sizes
from ansible_collections.mooring.storage.csi_server.block.topology import Zones
from ansible_collections.mooring.storage.csi_server.config import options
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


@given(st.lists(TEXT | st.sampled_from(["--endpoint", "--threads=0", "--http-endpoint=:x", "--cluster"])))
def test_a_command_line_is_understood_or_ends_with_its_error(arguments: list[str]) -> None:
    try:
        options.parse(arguments)
    except SystemExit as ended:
        code = ended.code
    else:
        code = 0
    assert code in (0, 2)
