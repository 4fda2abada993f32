# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/compatibility.md says of each name what the program does with it: no more, and nothing is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from ansible_collections.mooring.storage.csi_server.block import (
    group_snapshot_parameters,
    mutable_parameters,
    names,
    node,
    parameters,
    snapshot_parameters,
)
from ansible_collections.mooring.storage.csi_server.block.controller import ControllerServicer
from ansible_collections.mooring.storage.csi_server.block.controller_part import ControllerPart
from ansible_collections.mooring.storage.csi_server.config import cloud_conf, former_flags, options
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
from ansible_collections.mooring.storage.csi_server.rpc.identity import IdentityOptions, IdentityServicer
from ansible_collections.mooring.storage.csi_server.rpc.metrics import Metrics, Parts
from ansible_collections.mooring.storage.csi_server.rpc.readiness import Readiness

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = (CHECKOUT / "docs" / "compatibility.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| (\w+) \| .*\|$", re.MULTILINE)
VERDICTS = {"same", "better", "ignored", "none", "own"}
TAKEN = {"same", "better", "own"}


def table(heading: str) -> dict[str, str]:
    """The rows of a section: what is said of each name in one word."""
    section = re.split(r"^## ", TEXT.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    return dict(ROW.findall(section))


def taken(heading: str) -> set[str]:
    return {name for name, verdict in table(heading).items() if verdict in TAKEN}


def constants() -> set[str]:
    """The names that the driver writes and reads, of all kinds."""
    return {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}


def flags() -> set[str]:
    """What the command line takes and acts on."""
    actions = options._parser()._actions
    found = {spelling for action in actions for spelling in action.option_strings}
    former = {f"--{name}" for name in (*former_flags.WITH_VALUE, *former_flags.SWITCHES)}
    spelled = {flag for flag in found if not flag.startswith("--no-") and "_" not in flag}
    return spelled - former - {"-h", "--help"}


def metrics() -> set[str]:
    counted = Metrics()
    counted.describe("a.driver", "1")
    counted.watch(Parts(Readiness()))
    return {family.prometheus_name for family in counted.collect() if not family.name.startswith("process_")}


def requests() -> set[str]:
    """The names by which the cloud layer's requests are counted.

    They are the texts that ``request`` gets first, and the listings, which hand theirs on, second; what is
    done to one object gets its kind.
    """
    place = {
        "request": (0, ""),
        "listed": (1, ""),
        "summaries": (1, ""),
        "shown": (1, "_get"),
        "delete": (1, "_delete"),
    }
    found = set()
    for path in (CHECKOUT / "plugins" / "module_utils" / "_cloud").glob("*.py"):
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(each, ast.Call):
                continue
            name = getattr(each.func, "attr", getattr(each.func, "id", ""))
            at, ending = place.get(name, (len(each.args), ""))
            given = each.args[at] if len(each.args) > at else None
            if isinstance(given, ast.Constant):
                found.add(str(given.value) + ending)
    return found


def test_every_verdict_is_one_of_the_words() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \|", TEXT, re.MULTILINE)
    assert len(rows) > 100
    assert {verdict for dummy, verdict in rows} <= VERDICTS


def test_parameters_of_storage_classes() -> None:
    assert taken("StorageClass parameters") == set(parameters.KNOWN)


def test_parameters_of_snapshot_classes() -> None:
    assert set(table("VolumeSnapshotClass parameters")) == set(snapshot_parameters.KNOWN)


def test_parameters_of_group_snapshot_classes() -> None:
    assert set(table("VolumeGroupSnapshotClass parameters")) == set(group_snapshot_parameters.KNOWN)


def test_parameters_of_volume_attributes_classes() -> None:
    assert set(table("VolumeAttributesClass parameters")) == set(mutable_parameters.KNOWN)


def test_flags() -> None:
    former = {f"--{name}" for name in (*former_flags.WITH_VALUE, *former_flags.SWITCHES)}
    told = table("Flags")
    assert taken("Flags") == flags()
    assert {name for name, verdict in told.items() if verdict == "ignored"} == former


def test_keys_of_cloud_conf() -> None:
    in_global = {
        *cloud_conf._AUTH,
        *cloud_conf._DOMAIN,
        *cloud_conf._TRUSTEE,
        *cloud_conf._CONNECTION,
        *cloud_conf._OTHER,
    }
    assert set(table("cloud.conf")) == in_global | cloud_conf._BLOCK_STORAGE | cloud_conf._METADATA


def test_metrics() -> None:
    assert set(table("Metrics")) == metrics()


def test_requests_of_the_former_driver_are_counted_by_their_names() -> None:
    told = table("Requests in metrics")
    assert {name for name, verdict in told.items() if verdict == "none"} & requests() == set()
    assert taken("Requests in metrics") <= requests()


def test_requests_are_read_off_the_calls() -> None:
    assert {"volume_create", "volume_list", "snapshot_list"} <= requests()
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in requests())


def test_capabilities_of_the_plugin() -> None:
    servicer = IdentityServicer(IdentityOptions("driver", "1", controller=True), Readiness())
    answer = servicer.GetPluginCapabilities(csi.GetPluginCapabilitiesRequest(), None)
    services = {each.service.type for each in answer.capabilities if each.HasField("service")}
    expansions = {
        each.volume_expansion.type for each in answer.capabilities if each.HasField("volume_expansion")
    }
    served = {csi.PluginCapability.Service.Type.Name(each) for each in services}
    served |= {csi.PluginCapability.VolumeExpansion.Type.Name(each) for each in expansions}
    assert taken("Plugin capabilities") == served


def test_capabilities_of_the_controller() -> None:
    kinds = {
        kind
        for part in ControllerServicer.__mro__
        if issubclass(part, ControllerPart)
        for kind in part.CAPABILITIES
    }
    served = {csi.ControllerServiceCapability.RPC.Type.Name(kind) for kind in kinds}
    assert taken("Controller capabilities") == served


def test_capabilities_of_the_node() -> None:
    served = {csi.NodeServiceCapability.RPC.Type.Name(kind) for kind in node.CAPABILITIES}
    assert taken("Node capabilities") == served


def test_names_are_those_of_the_program() -> None:
    told = [
        "Annotations of claims",
        "Secret keys",
        "Volume context",
        "Publish context",
        "Cinder metadata",
        "Topology keys",
    ]
    assert set().union(*map(taken, told)) == constants() - {names.DRIVER, names.DESCRIPTION}


def test_annotations_of_claims() -> None:
    assert set(table("Annotations of claims")) == {names.AFFINITY, names.ANTI_AFFINITY}
