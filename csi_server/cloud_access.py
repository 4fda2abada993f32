# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clouds that the controller works in, as its configuration names them now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ..plugins.module_utils._cloud import (
    attachments,
    backups,
    group_snapshots,
    groups,
    sdk,
    servers,
    snapshots,
    volumes,
)
from ..plugins.module_utils._cloud.admission import Gate
from ..plugins.module_utils._cloud.api import Api
from ..plugins.module_utils._cloud.errors import CredentialRefused, InvalidRequest
from ..plugins.module_utils._cloud.pools import Pools
from ..plugins.module_utils._cloud.quotas import QuotaSets
from ..plugins.module_utils._cloud.volume_changes import VolumeChanges
from ..plugins.module_utils._cloud.volume_types import VolumeTypes
from .block import names
from .block.attachment_plan import Patience
from .block.attachments import ServerAttachments
from .block.backups import BlockBackups
from .block.capacity import VolumeCapacity
from .block.connector_attachments import ConnectorAttachments
from .block.controller_part import BlockCloud, NodeAttachments
from .block.expansion import VolumeExpansion
from .block.group_snapshots import BlockGroupSnapshots
from .block.idempotency import BlockVolumes
from .block.modification import VolumeModification
from .block.snapshots import BlockSnapshots
from .cloud_link import CloudLink, Target
from .cloud_session import Session
from .config.cloud_conf import DriverConf
from .config.cloud_files import CloudFiles, Configuration, digest
from .config.gcfg import BadConfiguration
from .rpc.metrics import Metrics
from .rpc.observer import CloudObserver
from .rpc.readiness import Readiness
from .unforeseen import told

LOG = logging.getLogger(__name__)
#: Seconds between two looks at the files.
LOOK_EVERY = 5.0
FILES_PART = "configuration"
#: An attach whose answer was lost is taken to be carried out within so many times what a request may take:
#: who lets requests take longer has a cloud that takes longer with what it was asked for.
UNANSWERED_TIMEOUTS = 4


_Attacher = Callable[[volumes.Volumes, attachments.Attachments, Api, Mapping[str, str], int], NodeAttachments]


def _through_nova(
    adapter: volumes.Volumes,
    records: attachments.Attachments,
    compute: Api,
    mine: Mapping[str, str],
    limit: int,
) -> NodeAttachments:
    # Nova knows by itself when a server is full.
    return ServerAttachments(
        adapter, records, servers.Servers(compute), mine, _patience(compute), observer=compute.observer
    )


def _through_cinder(
    adapter: volumes.Volumes,
    records: attachments.Attachments,
    compute: Api,
    mine: Mapping[str, str],
    limit: int,
) -> NodeAttachments:
    return ConnectorAttachments(adapter, records, mine, limit, _patience(compute), observer=compute.observer)


def _patience(api: Api) -> Patience:
    return Patience(unanswered=UNANSWERED_TIMEOUTS * api.timeout)


#: Who attaches volumes to nodes, by the value of ``--attach``.
ATTACHERS: Mapping[str, _Attacher] = {"nova": _through_nova, "cinder": _through_cinder}
#: What a cloud has to have for that.
SERVICES = {"nova": ("block_storage", "compute"), "cinder": ("block_storage",)}


class CloudAccess:
    """A link to each cloud; the files are looked at every few seconds, and a change is taken over.

    Files that cannot be used change nothing: the driver goes on with what it has, and says so.

    :param cluster: marks the volumes of this cluster.
    :param concurrency: requests sent to one cloud at the same time, at most.
    :param timeout: seconds that one request may take.
    :param user_agents: told to the clouds with each request.
    :param attach: who attaches volumes, a key of ATTACHERS.
    :param volumes_per_node: how many a node may have; None for what the files say.
    """

    def __init__(
        self,
        files: CloudFiles,
        cluster: str,
        concurrency: int,
        timeout: float,
        readiness: Readiness,
        metrics: Metrics,
        user_agents: Sequence[str] = (),
        attach: str = "nova",
        volumes_per_node: int | None = None,
    ) -> None:
        self._files = files
        self._cluster = cluster
        self._concurrency = concurrency
        self._timeout = timeout
        self._attacher = ATTACHERS[attach]
        self._services = SERVICES[attach]
        self._readiness = readiness
        self._user_agents = user_agents
        self._volumes_per_node = volumes_per_node
        self._observer = CloudObserver(metrics)
        # There from the start: an increase from nothing to 1 is none to Prometheus.
        metrics.openstack_failures.labels(sdk.RENEWAL, CredentialRefused.__name__)
        self._gates: dict[str, Gate] = {}
        metrics.queued = lambda: sum(gate.waiting() for gate in list(self._gates.values()))
        self._stopped = threading.Event()
        self._looking = threading.Lock()
        self._links: dict[str, CloudLink] = {}
        self._complaint = ""
        self._driver = DriverConf()

    def start(self) -> Configuration:
        """Connect to every cloud, in the background. Return the configuration that was read for that.

        :raises BadConfiguration: it cannot be read or used.
        """
        configuration = self._files.read()
        self._driver = configuration.driver
        self._complain(self._unused(configuration))
        self._use(configuration)
        threading.Thread(target=self._watch, name="configuration", daemon=True).start()
        return configuration

    def stop(self) -> None:
        self._stopped.set()
        for link in self._links.values():
            link.stop()

    def of(self, secrets: Mapping[str, str]) -> BlockCloud:
        """Return the cloud that a request's secrets name, the first one when they name none.

        :raises InvalidRequest: there is none of that name.
        :raises Unavailable: there is no connection to it; the message says why.
        """
        links = self._links
        name = secrets.get(names.CLOUD, "") or next(iter(links))
        if name not in links:
            raise InvalidRequest(
                f"secret key {names.CLOUD} is {name!r}: known are {', '.join(map(repr, links))}"
            )
        return links[name].cloud()

    def all(self) -> Mapping[str, Callable[[], BlockCloud]]:
        """Return by its name what gives each cloud.

        It raises Unavailable where there is no connection; the message says to which and why.
        """
        return {name: link.cloud for name, link in self._links.items()}

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        """Read the files, and take over what has changed."""
        with self._looking:
            try:
                configuration = self._files.read()
                self._use(configuration)
            except BadConfiguration as error:
                self._complain(f"the former configuration stays in use: {error}")
                return
            except Exception as error:  # noqa: BLE001 - a later look may find what can be used
                self._complain(f"the former configuration stays in use: {told(error)}")
                return
            self._complain(self._unused(configuration))

    def _use(self, configuration: Configuration) -> None:
        targets = {name: Target(cloud, digest(cloud)) for name, cloud in configuration.clouds.items()}
        old = self._links
        kept = {name: old[name] for name in configuration.unusable if name in old}
        links = {
            name: old.get(name)
            or CloudLink(
                name,
                target,
                partial(self._build, name),
                self._look,
                self._report,
                self._timeout,
                self._observer,
                self._user_agents,
                self._services,
            )
            for name, target in targets.items()
        } | kept
        self._links = links
        for name, link in old.items():
            if name not in links:
                link.stop()
                self._readiness.forget(_part(name))
                self._gates.pop(name, None)
                LOG.info("the configuration names the cloud no more", extra={"cloud": name})
        for name, link in links.items():
            if name not in old:
                link.start()
            elif name in targets:
                link.aim(targets[name])
        self._report()

    def _unused(self, configuration: Configuration) -> str:
        """What of a configuration is not in use, and why; empty when all of it is."""
        complaints = list(configuration.unusable.values())
        if configuration.driver != self._driver:
            complaints.append("[BlockStorage] and [Metadata] have changed, which takes a start of the driver")
        return "; ".join(complaints)

    def _complain(self, complaint: str) -> None:
        if complaint == self._complaint:
            return
        self._complaint = complaint
        if complaint:
            self._readiness.remarks(FILES_PART, complaint)
            LOG.error("the configuration is not used as it is", extra={"error": complaint})
        else:
            self._readiness.has(FILES_PART)
            LOG.info("the configuration is used as it is")

    def _report(self) -> None:
        """Not ready is a driver that serves no cloud at all: one that is down must not stop the others."""
        links = self._links.values()
        tell = self._readiness.remarks if any(link.usable for link in links) else self._readiness.lacks
        for link in links:
            if problem := link.problem:
                tell(_part(link.name), problem)
            else:
                self._readiness.has(_part(link.name))

    def _build(self, name: str, session: Session) -> BlockCloud:
        mine = {names.CLUSTER: self._cluster}
        gate = self._gates.setdefault(name, Gate(self._concurrency))
        block_storage = Api(
            lambda: session.block_storage, volumes.MICROVERSION, self._observer, self._timeout, gate
        )
        compute = Api(lambda: session.compute, servers.MICROVERSION, self._observer, self._timeout, gate)
        adapter = volumes.Volumes(block_storage, mine)
        members = snapshots.Snapshots(block_storage, mine)
        block_snapshots = BlockSnapshots(members, mine)
        changes = VolumeChanges(block_storage, adapter)
        limit = self._driver.volumes_per_node(self._volumes_per_node)
        return BlockCloud(
            volumes=BlockVolumes(adapter, mine),
            attachments=self._attacher(adapter, attachments.Attachments(block_storage), compute, mine, limit),
            snapshots=block_snapshots,
            backups=BlockBackups(backups.Backups(block_storage, mine), block_snapshots, mine),
            expansion=VolumeExpansion(changes),
            modification=VolumeModification(changes),
            capacity=VolumeCapacity(
                adapter,
                VolumeTypes(block_storage),
                QuotaSets(block_storage, session.project_id),
                Pools(block_storage),
            ),
            group_snapshots=BlockGroupSnapshots(
                groups.Groups(block_storage),
                group_snapshots.GroupSnapshots(block_storage),
                members,
                adapter,
                names.group_mark(self._cluster),
            ),
        )


def _part(name: str) -> str:
    return f"cloud {name}" if name else "cloud"
