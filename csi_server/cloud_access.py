# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's way into the cloud: connects in the background and keeps saying why it cannot."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..plugins.module_utils._cloud import backups, sdk, servers, snapshots, volumes
from ..plugins.module_utils._cloud.admission import Gate
from ..plugins.module_utils._cloud.api import Api
from ..plugins.module_utils._cloud.errors import CloudError, Unavailable
from .block import names
from .block.attachments import ServerAttachments
from .block.backups import BlockBackups
from .block.controller_part import BlockCloud
from .block.idempotency import BlockVolumes
from .block.snapshots import BlockSnapshots
from .config import cloud_conf
from .rpc.metrics import Metrics
from .rpc.observer import CloudObserver
from .rpc.readiness import Readiness

if TYPE_CHECKING:
    from ..plugins.module_utils._cloud.sdk import Connection

LOG = logging.getLogger(__name__)
PART = "cloud"
#: Seconds that one HTTP request may take.
REQUEST_TIMEOUT = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0


class CloudAccess:
    """Connects to the cloud that a cloud.conf names.

    :param path: the file.
    :param cluster: marks the volumes of this cluster.
    :param concurrency: requests sent to the cloud at the same time, at most.
    """

    def __init__(
        self, path: str, cluster: str, concurrency: int, readiness: Readiness, metrics: Metrics
    ) -> None:
        self._path = Path(path)
        self._cluster = cluster
        self._gate = Gate(concurrency)
        self._readiness = readiness
        self._observer = CloudObserver(metrics)
        metrics.openstack_queued.set_function(self._gate.waiting)
        self._stopped = threading.Event()
        self._cloud: BlockCloud | None = None
        self._reason = "not connected yet"
        readiness.lacks(PART, self._reason)

    def configuration(self) -> cloud_conf.CloudConf:
        """Read the file.

        :raises cloud_conf.BadConfiguration: it cannot be read or used.
        """
        try:
            text = self._path.read_text()
        except OSError as error:
            raise cloud_conf.BadConfiguration(f"cannot read {self._path}: {error.strerror}") from error
        try:
            return cloud_conf.parse(text)
        except cloud_conf.BadConfiguration as error:
            error.message = f"{self._path}: {error.message}"
            raise

    def start(self, configuration: cloud_conf.CloudConf) -> None:
        """Connect, in a thread of its own, as often as it takes."""
        threading.Thread(target=self._connect, args=(configuration,), name="cloud", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def all(self) -> Mapping[str, BlockCloud]:
        """Return the one cloud, by the empty name of its section.

        :raises Unavailable: there is no connection yet; the message says why.
        """
        return {"": self.of({})}

    def of(self, secrets: Mapping[str, str]) -> BlockCloud:
        """Return the cloud that a request is for.

        :raises Unavailable: there is no connection yet; the message says why.
        """
        if self._cloud is None:
            raise Unavailable(f"the cloud cannot be reached: {self._reason}")
        return self._cloud

    def _connect(self, configuration: cloud_conf.CloudConf) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            try:
                self._cloud = self._build(configuration)
            except CloudError as error:
                self._reason = str(error)
                self._readiness.lacks(PART, self._reason)
                LOG.warning("the cloud cannot be reached", extra={"error": self._reason, "again_in": pause})
                self._stopped.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self._readiness.has(PART)
                LOG.info("connected to the cloud")
                return

    def _build(self, configuration: cloud_conf.CloudConf) -> BlockCloud:
        connection = self._connection(configuration)
        with sdk.translated("get a token from Keystone"):
            connection.authorize()
        # Asked for here, so that a missing service shows before a volume is wanted, and the
        # requests for versions are not part of anyone's wait.
        with sdk.translated("find Cinder and Nova in the catalog"):
            cinder, nova = connection.block_storage, connection.compute
            for service in (cinder, nova):
                service.get_endpoint_data()
        mine = {names.CLUSTER: self._cluster}
        block_storage = Api(lambda: cinder, volumes.MICROVERSION, self._observer, admission=self._gate)
        compute = Api(lambda: nova, servers.MICROVERSION, self._observer, admission=self._gate)
        adapter = volumes.Volumes(block_storage, mine)
        block_snapshots = BlockSnapshots(snapshots.Snapshots(block_storage, mine), mine)
        return BlockCloud(
            volumes=BlockVolumes(adapter, mine),
            attachments=ServerAttachments(adapter, servers.Servers(compute)),
            snapshots=block_snapshots,
            backups=BlockBackups(backups.Backups(block_storage, mine), block_snapshots, mine),
        )

    def _connection(self, configuration: cloud_conf.CloudConf) -> Connection:
        if configuration.cloud:
            files = [configuration.clouds_file] if configuration.clouds_file else None
            return sdk.connect_named(configuration.cloud, files, REQUEST_TIMEOUT, self._observer)
        return sdk.connect(configuration.settings, REQUEST_TIMEOUT, self._observer)
