# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way into one cloud: made in the background, and made anew when it has to be."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..plugins.module_utils._cloud import sdk
from ..plugins.module_utils._cloud.errors import CloudError, CredentialRefused, Unavailable
from ..plugins.module_utils._cloud.observing import UNOBSERVED, Observer
from .block.controller_part import BlockCloud
from .cloud_session import Session
from .config.cloud_conf import Cloud
from .unforeseen import told

if TYPE_CHECKING:
    from ..plugins.module_utils._cloud.sdk import Connection

LOG = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0
#: After a refused credential, while the configuration stays as it is: to repeat it may lock the user out.
REFUSED_PAUSE = 300.0
#: The SDK's names of the services that a cloud has to have, and their own.
SERVICES = {"block_storage": "Cinder", "compute": "Nova"}


@dataclass(frozen=True)
class Target:
    """What to connect to.

    :ivar digest: differs when the cloud's settings do, or the content of files that they name.
    """

    cloud: Cloud
    digest: str


class CloudLink:
    """Connects to a cloud as often as it takes; again when its settings change, or its credential is refused.

    A new connection is authorised first and used then. One to the same project takes the place of the
    old one below the calls in flight; one to another project is for new calls only.

    :param name: of the cloud, empty for the unnamed one.
    :param build: makes what the controller uses of a cloud.
    :param look: called before each attempt, to aim at what the files say now.
    :param changed: called when the answer of ``problem`` or of ``usable`` has changed.
    :param timeout: seconds that one request may take, those for tokens included.
    :param observer: is told of the requests for tokens.
    :param user_agents: told to the cloud with each request.
    :param services: that the cloud has to have, keys of SERVICES.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        build: Callable[[Session], BlockCloud],
        look: Callable[[], None],
        changed: Callable[[], None],
        timeout: float,
        observer: Observer = UNOBSERVED,
        user_agents: Sequence[str] = (),
        services: Sequence[str] = tuple(SERVICES),
    ) -> None:
        self.name = name
        self._target = target
        self._build = build
        self._look = look
        self._changed = changed
        self._timeout = timeout
        self._observer = observer
        self._user_agents = user_agents
        self._services = services
        self._condition = threading.Condition()
        self._stopped = False
        self._session: Session | None = None
        self._cloud: BlockCloud | None = None
        self._place: tuple[str, ...] = ()
        self._digest = ""
        self._reason = "not connected yet"

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"cloud {self.name}".strip(), daemon=True).start()

    def stop(self) -> None:
        """Make no further connection. Calls in flight keep the one that they have."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def aim(self, target: Target) -> None:
        """Connect to something else, if it is something else."""
        with self._condition:
            if target.digest != self._target.digest:
                self._target = target
                if target.digest == self._digest:
                    self._reason = ""
                self._condition.notify_all()

    @property
    def problem(self) -> str:
        """Why there is no connection by what the configuration says now; empty when there is one."""
        return (self._session.refusal if self._session else "") or self._reason

    @property
    def usable(self) -> bool:
        """Whether calls are served."""
        return self._session is not None and not self._session.refusal

    def cloud(self) -> BlockCloud:
        """Return what the controller uses of the cloud.

        :raises Unavailable: there is no connection yet, or none any more; the message says why.
        """
        if self._cloud is None or not self.usable:
            raise Unavailable(
                f"the cloud{f' {self.name}' if self.name else ''} cannot be reached: {self.problem}"
            )
        return self._cloud

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while self._wait_until_due():
            self._look()
            target = self._target
            try:
                connection = connect(
                    target.cloud, self._timeout, self._observer, self._user_agents, self._services
                )
                self._use(connection, target.digest)
            except CredentialRefused as error:
                self._fail(target, str(error), REFUSED_PAUSE)
                pause = FIRST_PAUSE
            except Exception as error:  # noqa: BLE001 - whatever it is, another configuration may help
                self._fail(target, str(error) if isinstance(error, CloudError) else told(error), pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                LOG.info("connected to the cloud", extra={"cloud": self.name})
                self._changed()
                pause = FIRST_PAUSE

    def _fail(self, target: Target, reason: str, pause: float) -> None:
        """Tell why there is no connection, and wait before the next attempt."""
        self._reason = reason
        LOG.warning(
            "the cloud cannot be reached",
            extra={"cloud": self.name, "error": reason, "again_in": pause},
        )
        self._changed()
        self._wait_for_another(target, pause)

    def _wait_until_due(self) -> bool:
        """Return True when there is a connection to make, False when no more is to be made."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._stopped or not self.usable or self._digest != self._target.digest
            )
            return not self._stopped

    def _wait_for_another(self, target: Target, seconds: float) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._stopped or self._target.digest != target.digest, seconds)

    def _use(self, connection: Connection, digest: str) -> None:
        place = _place(connection, self._services)
        if self._session is not None and place == self._place:
            self._session.replace(connection)
        else:
            session = Session(connection, self._refused)
            self._cloud = self._build(session)
            self._session = session
        self._place, self._digest, self._reason = place, digest, ""

    def _refused(self) -> None:
        self._changed()
        with self._condition:
            self._condition.notify_all()


def connect(
    cloud: Cloud,
    timeout: float,
    observer: Observer = UNOBSERVED,
    user_agents: Sequence[str] = (),
    services: Sequence[str] = tuple(SERVICES),
) -> Connection:
    """Return a connection that has a token and knows the services.

    :raises CloudError: Keystone refuses the credential or does not answer, or a service is missing.
    """
    if cloud.entry:
        files = [cloud.clouds_file] if cloud.clouds_file else None
        connection = sdk.connect_named(cloud.entry, files, timeout, observer, user_agents, cloud.settings)
    else:
        connection = sdk.connect(cloud.settings, timeout, observer, user_agents)
    with sdk.translated("get a token from Keystone"):
        # Not connection.authorize, whose error does not tell a refused credential from the others.
        connection.session.get_token()
    # Asked for here, so that a missing service shows before a volume is wanted, and the requests for
    # versions are not part of anyone's wait.
    for service in services:
        sdk.locate(connection, service, SERVICES[service])
    return connection


def _place(connection: Connection, services: Sequence[str]) -> tuple[str, ...]:
    """Where the calls of a connection go: connections that share it lead to the same volumes and servers."""
    endpoints = (getattr(connection, service).get_endpoint() for service in services)
    return str(connection.current_project_id), *map(str, endpoints)
