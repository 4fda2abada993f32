# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: that of this driver, and those with which cloud-provider-openstack's is started."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.csi_server.config import former_flags
from ansible_collections.mooring.storage.csi_server.config.options import Options, parse

SOCKET = "--endpoint=unix://csi/csi.sock"
CONF = "--cloud-config=/etc/config/cloud.conf"
TLS = ["--endpoint-tls-cert=c", "--endpoint-tls-key=k", "--endpoint-tls-client-ca=a"]
CONTROLLER = ["/bin/cinder-csi-plugin", SOCKET, CONF, "--cluster=kubernetes"]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        parse([SOCKET, *arguments])
    assert exit_.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "services"),
    [
        ([], (True, True)),
        (["--provide-node-service=false"], (True, False)),
        (["--provide-controller-service=false"], (False, True)),
        (["--provide-controller-service"], (True, False)),
        (["--provide-node-service"], (False, True)),
        (["--provide-node-service=true", "--provide-controller-service=true"], (True, True)),
        (["--provide-node-service", "--no-provide-controller-service"], (False, True)),
    ],
)
def test_which_services_are_asked_for(arguments: list[str], services: tuple[bool, bool]) -> None:
    options = parse([SOCKET, CONF, *arguments])
    assert (options.controller, options.node) == services


def test_the_controller_of_the_former_manifests_starts() -> None:
    options = parse([*CONTROLLER, "--provide-node-service=false", "--http-endpoint=:8080", "--v=1"])
    assert (options.controller, options.node, options.cluster) == (True, False, "kubernetes")
    assert options.cloud_config == ("/etc/config/cloud.conf",)
    assert (options.log_level, options.topology, options.without_effect) == ("info", True, ())


def test_the_node_of_the_former_manifests_starts() -> None:
    options = parse(["/bin/cinder-csi-plugin", SOCKET, "--provide-controller-service=false", "--v=1"])
    assert (options.controller, options.node) == (False, True)


def test_claims_are_read_where_that_is_asked_for() -> None:
    assert not parse(CONTROLLER).claim_annotations
    assert parse([*CONTROLLER, "--pvc-annotations"]).claim_annotations
    assert not parse([*CONTROLLER, "--pvc-annotations=false"]).claim_annotations


def test_what_has_no_effect_is_taken_and_told() -> None:
    given = [f"--{name}=1" for name in former_flags.WITH_VALUE]
    given += [f"--{name}" for name in former_flags.SWITCHES]
    options = parse([*CONTROLLER, *given, "--nodeid", "node-1", "--skip_headers=true"])
    told = dict(options.without_effect)
    assert {flag.removeprefix("--") for flag in told} == {*former_flags.WITH_VALUE, *former_flags.SWITCHES}
    assert all(told.values())


def test_files_and_names_of_clouds_may_be_lists() -> None:
    given = ["--cloud-config=a,b", "--cloud-config", "c", "--cloud-name=x,y", '--cloud-name="z,1"']
    options = parse([SOCKET, *given])
    assert options.cloud_config == ("a", "b", "c")
    assert options.cloud_names == ("x", "y", "z,1")
    assert parse([SOCKET, CONF, "--cloud-name="]).cloud_names == ("",)


@pytest.mark.parametrize(
    ("given", "address"),
    [(":9808", ("", 9808)), ("[::]:9808", ("::", 9808)), ("192.0.2.1:80", ("192.0.2.1", 80))],
)
def test_an_address_of_ipv6_stands_in_brackets(given: str, address: tuple[str, int]) -> None:
    assert parse([SOCKET, CONF, f"--http-endpoint={given}"]).http_endpoint == address


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (["-v", "5"], "debug"),
        (["-v=3"], "info"),
        (["--v=4"], "debug"),
        (["--v=5", "--log-level=error"], "error"),
    ],
)
def test_verbosity_is_a_level(arguments: list[str], level: str) -> None:
    assert parse([*CONTROLLER, *arguments]).log_level == level


def test_topology_can_be_off_and_have_more_segments() -> None:
    given = ["--with-topology=false", "--additional-topology=a=1,b=2", "--additional-topology", "c=3"]
    options: Options = parse([*CONTROLLER, *given])
    assert not options.topology
    assert options.additional_topology == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--provide-controller-service=false", "--provide-node-service=false"], "nothing to serve"),
        (["--provide-controller-service"], "--cloud-config"),
        ([CONF, "--with-topology=maybe"], "'maybe' is neither true nor false"),
        ([CONF, "--additional-topology=a"], "'a' is not of the form KEY=VALUE"),
        ([CONF, "--user-agent=a\nb"], "cannot stand in an HTTP header"),
        ([CONF, "--v=loud"], "'loud' is not a whole number"),
        ([CONF, "--endpoint-tls-cert=c", "--endpoint-tls-key=k"], "--endpoint-tls-client-ca go together"),
        ([CONF, *TLS], "is for an --endpoint such as tcp://127.0.0.1:10000, not unix://csi/csi.sock"),
        ([CONF, "--no-such-flag"], "--no-such-flag"),
        ([CONF, "words"], "words"),
    ],
)
def test_a_mistake_is_named(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in refused(capsys, *arguments)
