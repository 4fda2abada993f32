# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the parts of the driver together, as its options ask for."""

from __future__ import annotations

import logging
import os
import threading
from http.server import ThreadingHTTPServer

import grpc

from ..plugins.module_utils._cloud.waiting import Deadline
from . import node_identity
from .block import names
from .block.node import NodeInfo, NodeServicer
from .block.node_health import NodeHealth
from .block.node_host import HostBlockNode
from .block.node_limit import VolumeLimit
from .cannot_start import BadEndpoint
from .config.cloud_conf import DriverConf
from .config.options import Options
from .host.commands import SystemCommands
from .host.encryption import Encryption
from .host.filesystems import Filesystems
from .host.health import Health
from .host.mounts import Mounts
from .host.slots import Slots
from .node_reach import Reach, ThroughNova
from .proto import csi_pb2_grpc
from .rpc import http
from .rpc.identity import IdentityOptions, IdentityServicer
from .rpc.interceptor import Calls
from .rpc.locks import Locks
from .rpc.metrics import Metrics, Parts
from .rpc.observer import CloudObserver
from .rpc.readiness import Readiness
from .rpc.registration import Registration
from .rpc.server import listen, listen_tcp, socket_path, tcp_address
from .version import VERSION

LOG = logging.getLogger(__name__)
#: Seconds that calls in flight have to end after SIGTERM; a pod has 30 by default.
GRACE = 20.0
NODE_PART = "node"
IDENTITY_PAUSE = 2.0


class Program:
    """One process of the driver: Controller, Node or both on one socket."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._metrics = Metrics()
        self._metrics.describe(options.driver_name, VERSION)
        self._readiness = Readiness()
        self._metrics.watch(Parts(self._readiness))
        self._locks = Locks()
        self._stopping = threading.Event()
        self._http: ThreadingHTTPServer | None = None
        self._server: grpc.Server | None = None
        self._registration: Registration | None = None
        self._path = "" if tcp_address(options.endpoint) else socket_path(options.endpoint)

    def start(self) -> None:
        """Serve. What the cloud or the machine does not answer yet is asked again in the background.

        :raises BadEndpoint: the socket cannot be made, or is on TCP without mutual TLS.
        :raises BadCertificate: a certificate to serve with cannot be used.
        :raises CloudError: cloud.conf cannot be used.
        :raises NotInCluster: claims are to be read, and there is no Kubernetes API.
        :raises OSError: the HTTP address cannot be bound.
        """
        options = self._options
        server = self._listen()
        self._server = server
        identity = IdentityOptions(options.driver_name, VERSION, options.controller, options.topology)
        csi_pb2_grpc.add_IdentityServicer_to_server(IdentityServicer(identity, self._readiness), server)
        if options.controller:
            self._add_controller(server)
        if options.http_endpoint is not None:
            self._http = self._serve_http(options.http_endpoint)
        if options.node:
            conf = self._node_conf()
            self._readiness.lacks(NODE_PART, "the node's id is not known yet")
            threading.Thread(target=self._serve_node, args=(server, conf), name="node", daemon=True).start()
        else:
            self._serve(server)

    def stop(self) -> None:
        """Take the driver off the kubelet, let calls in flight end, remove the socket."""
        self._stopping.set()
        if self._registration is not None:
            self._registration.stop()
        if self._server is not None:
            self._server.stop(GRACE).wait()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
        if self._path and os.path.exists(self._path):
            os.unlink(self._path)

    def _listen(self) -> grpc.Server:
        options, interceptors = self._options, [Calls(self._metrics)]
        if self._path:
            return listen(self._path, options.threads, interceptors)
        if not all(options.endpoint_tls):
            raise BadEndpoint(
                f"--endpoint is {options.endpoint!r}: on TCP, CSI is served with mutual TLS alone. Give"
                " --endpoint-tls-cert, --endpoint-tls-key and --endpoint-tls-client-ca, or a unix socket"
            )
        # Imported here: a program that serves without TLS needs none of it.
        from .rpc.certificates import Certificate, grpc_credentials

        credentials = grpc_credentials(Certificate(*options.endpoint_tls))
        return listen_tcp(tcp_address(options.endpoint), options.threads, interceptors, credentials)[0]

    def _serve_http(self, address: tuple[str, int]) -> ThreadingHTTPServer:
        if not all(self._options.http_tls):
            return http.serve(address, self._readiness, self._metrics)
        from .rpc.certificates import Certificate

        certificate = Certificate(*self._options.http_tls)
        return http.serve(address, self._readiness, self._metrics, certificate)

    def _serve(self, server: grpc.Server) -> None:
        server.start()
        LOG.info(
            "serving",
            extra={
                "driver": self._options.driver_name,
                "version": VERSION,
                "endpoint": self._options.endpoint,
            },
        )

    def _add_controller(self, server: grpc.Server) -> None:
        # Imported here: a node needs none of it, and it brings the cloud layer along.
        from .block.controller import ControllerServicer
        from .block.controller_part import ControllerOptions
        from .block.group_controller import GroupControllerServicer
        from .block.placement import UnreadClaims
        from .block.topology import Zones
        from .claims import KubernetesClaims
        from .cloud_access import CloudAccess
        from .config.cloud_files import CloudFiles

        options = self._options
        files = CloudFiles(options.cloud_config, options.cloud_names)
        cloud = CloudAccess(
            files,
            options.cluster,
            options.cloud_concurrency,
            options.request_timeout,
            self._readiness,
            self._metrics,
            options.user_agents,
            options.attach,
            options.max_volumes_per_node,
        )
        configuration = cloud.start()
        zones = Zones(options.zone_map, configuration.driver.ignore_volume_zone)
        claims = KubernetesClaims.of_this_pod() if options.claim_annotations else UnreadClaims()
        controller_options = ControllerOptions(options.cluster, zones, claims)
        # What it does not define, its base class answers with UNIMPLEMENTED.
        servicer = ControllerServicer(cloud, controller_options, self._locks)
        csi_pb2_grpc.add_ControllerServicer_to_server(servicer, server)
        group_servicer = GroupControllerServicer(cloud, self._locks)
        csi_pb2_grpc.add_GroupControllerServicer_to_server(group_servicer, server)

    def _node_conf(self) -> DriverConf:
        """Read what cloud.conf says of nodes. Without a file, which is the usual case, that is nothing."""
        if not self._options.cloud_config:
            return DriverConf()
        from .config.cloud_files import CloudFiles

        return CloudFiles(self._options.cloud_config).driver()

    def _serve_node(self, server: grpc.Server, conf: DriverConf) -> None:
        """Serve as soon as the node's id is known: NodeGetInfo is the first that the kubelet calls."""
        commands = SystemCommands()
        mounts = Mounts(commands)
        reach = self._reach(conf)
        devices = reach.devices(commands, CloudObserver(self._metrics))
        node = self._identify(reach, conf, Slots(devices, mounts))
        if node is None:
            return
        filesystems = Filesystems(commands)
        encryption = Encryption(commands, devices, filesystems)
        host = HostBlockNode(devices, filesystems, mounts, encryption)
        servicer = NodeServicer(host, NodeHealth(devices, mounts, Health()), node, self._locks)
        csi_pb2_grpc.add_NodeServicer_to_server(servicer, server)
        self._serve(server)
        self._readiness.has(NODE_PART)
        options = self._options
        if options.registration_dir:
            self._registration = Registration(
                options.registration_dir,
                options.driver_name,
                options.kubelet_registration_path,
                self._readiness,
            )
            self._registration.start()

    def _reach(self, conf: DriverConf) -> Reach:
        options = self._options
        if options.attach == "cinder":
            from .host.brick import Multipath, OsBrick
            from .node_connection import ThroughCinder

            folder = os.path.join(os.path.dirname(self._path), "connections")
            brick = OsBrick(folder, Multipath(options.use_multipath, options.enforce_multipath))
            return ThroughCinder(brick, options.node_ip, folder)
        return ThroughNova(
            options.node_id_sources or conf.node_id_sources or node_identity.ORDER,
            options.node_id,
            conf.metadata_timeout or node_identity.METADATA_TIMEOUT,
            Deadline.after(node_identity.ZONE_WAIT) if options.topology else None,
            options.kubelet_registration_path.partition("/plugins/")[0] or node_identity.KUBELET_FOLDER,
        )

    def _identify(self, reach: Reach, conf: DriverConf, slots: Slots) -> NodeInfo | None:
        """Learn who this node is; None when the program stops first."""
        options = self._options
        volumes = conf.volumes_per_node(options.max_volumes_per_node)
        limit = VolumeLimit(slots, volumes, options.max_disks_per_node)
        while not self._stopping.is_set():
            try:
                found = reach.identify()
            except node_identity.Unknown as error:
                self._readiness.lacks(NODE_PART, str(error))
                LOG.warning(
                    "the node's id is not known", extra={"error": str(error), "again_in": IDENTITY_PAUSE}
                )
                self._stopping.wait(IDENTITY_PAUSE)
                continue
            segments = dict(options.additional_topology) if options.topology else {}
            if found.zone and options.topology:
                segments[names.TOPOLOGY_ZONE] = found.zone
            LOG.info(
                "this node", extra={"node_id": found.node_id, "zone": found.zone, "source": found.source}
            )
            return NodeInfo(found.node_id, limit, segments)
        return None
