# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line. Its flags are those of cloud-provider-openstack's driver where that has them."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass

from .. import node_identity
from ..block import names
from ..rpc.logs import FORMATS
from ..version import VERSION
from . import former_flags

#: From this verbosity on (-v), cloud-provider-openstack's driver logs requests.
_DEBUG_VERBOSITY = 4

#: Where neither the flag nor cloud.conf says it: cloud-provider-openstack's own number.
MAX_VOLUMES_PER_NODE = 256


@dataclass(frozen=True)
class Options:
    """What the program was asked to be."""

    endpoint: str
    driver_name: str
    cluster: str
    controller: bool
    node: bool
    cloud_config: tuple[str, ...]
    cloud_names: tuple[str, ...]
    endpoint_tls: tuple[str, str, str]
    """Files of certificate, key and client CA; empty strings without."""
    http_endpoint: tuple[str, int] | None
    http_tls: tuple[str, str]
    """Files of certificate and key; empty strings without."""
    registration_dir: str
    kubelet_registration_path: str
    attach: str
    node_ip: str
    use_multipath: bool
    enforce_multipath: bool
    node_id: str
    node_id_sources: tuple[str, ...] | None
    max_volumes_per_node: int | None
    max_disks_per_node: int | None
    additional_topology: dict[str, str]
    zone_map: dict[str, str]
    cloud_concurrency: int
    request_timeout: int
    """Seconds that one HTTP request to the cloud may take."""
    threads: int
    log_format: str
    log_level: str
    topology: bool = True
    """Tell where nodes are, and have volumes made there."""
    claim_annotations: bool = False
    """Read where a volume is to be placed from its claim."""
    user_agents: tuple[str, ...] = ()
    """Told to the clouds with each request."""
    without_effect: tuple[tuple[str, str], ...] = ()
    """Flags that were given and mean nothing here, and why not."""

    @property
    def unused_modules(self) -> tuple[str, ...]:
        """Modules of the standard library that others import and this process has no use for."""
        connects = self.controller or self.attach == "cinder"
        return () if connects or any(self.http_tls) or any(self.endpoint_tls) else ("ssl",)


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; for a wrong one, print what is wrong and exit with 2."""
    parser = _parser()
    given = parser.parse_args(former_flags.without_program(arguments))
    controller, node = _services(given.provide_controller_service, given.provide_node_service)
    if not (controller or node):
        parser.error("nothing to serve: give --provide-controller-service, --provide-node-service or both")
    if controller and not given.cloud_config:
        parser.error("the controller needs --cloud-config: the path of cloud.conf")
    if bool(given.registration_dir) != bool(given.kubelet_registration_path):
        parser.error("--registration-dir and --kubelet-registration-path go together")
    endpoint_tls = (given.endpoint_tls_cert, given.endpoint_tls_key, given.endpoint_tls_client_ca)
    if any(endpoint_tls) != all(endpoint_tls):
        parser.error("--endpoint-tls-cert, --endpoint-tls-key and --endpoint-tls-client-ca go together")
    if any(endpoint_tls) and not given.endpoint.startswith("tcp:"):
        parser.error(
            f"--endpoint-tls-cert is for an --endpoint such as tcp://127.0.0.1:10000, not {given.endpoint}"
        )
    if bool(given.http_tls_cert) != bool(given.http_tls_key):
        parser.error("--http-tls-cert and --http-tls-key go together")
    if given.attach == "cinder" and node and not given.node_ip:
        parser.error("--attach=cinder needs --node-ip on nodes: the node's address in the storage network")
    if given.attach == "cinder" and node and given.endpoint.startswith("tcp:"):
        parser.error("--attach=cinder needs a unix socket on nodes: connections are written down beside it")
    return Options(
        endpoint=given.endpoint,
        driver_name=given.driver_name,
        cluster=given.cluster,
        controller=controller,
        node=node,
        cloud_config=tuple(given.cloud_config),
        cloud_names=tuple(given.cloud_name),
        endpoint_tls=endpoint_tls,
        http_endpoint=given.http_endpoint,
        http_tls=(given.http_tls_cert, given.http_tls_key),
        registration_dir=given.registration_dir,
        kubelet_registration_path=given.kubelet_registration_path,
        attach=given.attach,
        node_ip=given.node_ip,
        use_multipath=given.use_multipath,
        enforce_multipath=given.enforce_multipath,
        node_id=given.node_id,
        node_id_sources=given.node_id_sources,
        max_volumes_per_node=given.max_volumes_per_node,
        max_disks_per_node=given.max_disks_per_node,
        additional_topology=dict(pair for pairs in given.additional_topology for pair in pairs),
        zone_map=dict(pair for pairs in given.zone_map for pair in pairs),
        cloud_concurrency=given.cloud_concurrency,
        request_timeout=given.request_timeout,
        threads=given.threads,
        log_format=given.log_format,
        log_level=given.log_level or ("debug" if given.v >= _DEBUG_VERBOSITY else "info"),
        topology=given.with_topology,
        claim_annotations=given.pvc_annotations,
        user_agents=tuple(given.user_agent),
        without_effect=tuple(given.without_effect),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csi_server", description="CSI driver for OpenStack Cinder.", allow_abbrev=False
    )
    add = parser.add_argument
    add(
        "--endpoint",
        required=True,
        help="socket to serve CSI on, such as unix:///csi/csi.sock; or tcp://HOST:PORT with mutual TLS",
    )
    add("--endpoint-tls-cert", default="", metavar="FILE", help="certificate of a CSI endpoint on TCP")
    add("--endpoint-tls-key", default="", metavar="FILE", help="its key")
    add(
        "--endpoint-tls-client-ca",
        default="",
        metavar="FILE",
        help="authorities of the clients of a CSI endpoint on TCP",
    )
    add("--http-tls-cert", default="", metavar="FILE", help="certificate of --http-endpoint")
    add("--http-tls-key", default="", metavar="FILE", help="its key")
    add("--driver-name", default=names.DRIVER, help="name of the driver in Kubernetes (%(default)s)")
    add("--cluster", default="", help="name of the cluster, written to the metadata of each volume")
    _add_switch(parser, "provide-controller-service", None, "serve Controller: needs the cloud")
    _add_switch(parser, "provide-node-service", None, "serve Node: needs the machine")
    _add_switch(parser, "with-topology", True, "tell where nodes are, and make volumes there (true)")
    _add_switch(
        parser, "pvc-annotations", False, "read from claims beside or apart from which volumes to make theirs"
    )
    add(
        "--cloud-config",
        type=_listed,
        action="extend",
        default=[],
        metavar="FILE,...",
        help="cloud.conf or clouds.yaml; may be repeated, and read anew when it changes",
    )
    add(
        "--cloud-name",
        type=_listed,
        action="extend",
        default=[],
        metavar="NAME,...",
        help='a cloud to work in, by the name of its section [Global "NAME"] or its entry in clouds.yaml; may'
        " be repeated; left out, it is each section [Global]",
    )
    add(
        "--http-endpoint",
        type=_address,
        metavar="[HOST]:PORT",
        help="serve /healthz, /readyz and /metrics here",
    )
    add(
        "--registration-dir",
        default="",
        metavar="DIR",
        help="the kubelet's plugins_registry, as seen from here",
    )
    add(
        "--kubelet-registration-path",
        default="",
        metavar="PATH",
        help="the driver's socket, as the kubelet sees it",
    )
    add(
        "--attach",
        choices=("nova", "cinder"),
        default="nova",
        help="who attaches volumes: Nova, or Cinder alone, with os-brick on the node (%(default)s)",
    )
    add("--node-ip", default="", metavar="ADDRESS", help="with --attach=cinder: the node's storage address")
    add("--use-multipath", action="store_true", help="with --attach=cinder: use all paths")
    add(
        "--enforce-multipath",
        action="store_true",
        help="with --attach=cinder: do not serve without multipathd, nor a volume over one path",
    )
    add("--node-id", default="", help="the server's UUID; left out, it is asked for at --node-id-sources")
    add(
        "--node-id-sources",
        type=_sources,
        metavar="SOURCE,...",
        help=f"where to learn the node's id, in this order ({','.join(node_identity.ORDER)})",
    )
    add(
        "--max-volumes-per-node",
        type=_count,
        metavar="N",
        help=f"volumes of a node ({MAX_VOLUMES_PER_NODE})",
    )
    add(
        "--max-disks-per-node",
        type=_count,
        metavar="N",
        help="disks that the hypervisor gives a server, its own included: those that are none of Kubernetes'"
        " volumes are taken off, and --max-volumes-per-node stays the upper bound",
    )
    add(
        "--zone-map",
        type=_pairs,
        action="append",
        default=[],
        metavar="NODE_ZONE=VOLUME_ZONE",
        help="Cinder's zone for nodes of a zone of Nova's, where the names differ; may be repeated",
    )
    add(
        "--additional-topology",
        type=_pairs,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a further segment of this node's topology; may be repeated",
    )
    add(
        "--request-timeout",
        type=_count,
        default=30,
        metavar="SECONDS",
        help="how long one request to the cloud may take (%(default)s)",
    )
    add(
        "--cloud-concurrency",
        type=_count,
        default=10,
        metavar="N",
        help="OpenStack requests sent at the same time to one cloud (%(default)s)",
    )
    # More than all workers of the four sidecars together (240): an RPC that waits for the cloud must not keep
    # another from being looked at. A thread is made when it is needed for the first time.
    add("--threads", type=_count, default=256, metavar="N", help="RPCs served at the same time (%(default)s)")
    add(
        "--user-agent",
        type=_agent,
        action="append",
        default=[],
        metavar="NAME",
        help="told to the cloud with each request, so that its logs tell drivers apart; may be repeated",
    )
    add("--log-format", "--logging-format", choices=sorted(FORMATS), default="text")
    add("--log-level", choices=("debug", "info", "warning", "error"))
    add("-v", "--v", type=_verbosity, default=0, metavar="N", help="from 4 on, --log-level=debug")
    add("--version", action="version", version=VERSION)
    former_flags.add_to(parser)
    return parser


def _services(controller: bool | None, node: bool | None) -> tuple[bool, bool]:
    """What to serve. What is not said is served, unless the other is asked for."""
    return (not node if controller is None else controller), (not controller if node is None else node)


def _add_switch(parser: argparse.ArgumentParser, name: str, default: bool | None, told: str) -> None:
    """A flag as Go's programs have them, ``--name`` or ``--name=false``; ``--no-name`` as well."""
    destination = name.replace("-", "_")
    parser.add_argument(
        f"--{name}", type=_switch, nargs="?", const=True, default=default, metavar="true|false", help=told
    )
    parser.add_argument(f"--no-{name}", dest=destination, action="store_false", default=default)


def _switch(text: str) -> bool:
    match text.lower():
        case "true" | "t" | "1":
            return True
        case "false" | "f" | "0":
            return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _sources(text: str) -> tuple[str, ...]:
    try:
        return node_identity.parse_order(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _listed(text: str) -> list[str]:
    """Read a list as Go's programs take them: a line of CSV."""
    return next(csv.reader([text]), []) or [""]


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not (key and equals):
            raise argparse.ArgumentTypeError(f"{part!r} is not of the form KEY=VALUE")
        pairs.append((key, value))
    return pairs


def _agent(text: str) -> str:
    if not (text.strip() and text.isascii() and text.isprintable()):
        raise argparse.ArgumentTypeError(f"{text!r} cannot stand in an HTTP header")
    return text.strip()


def _verbosity(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form [HOST]:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
