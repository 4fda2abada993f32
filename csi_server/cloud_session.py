# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One project of one cloud, through a connection that may be replaced while calls are in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..plugins.module_utils._cloud import sdk
from ..plugins.module_utils._cloud.api import Adapter
from ..plugins.module_utils._cloud.errors import CredentialRefused
from ..plugins.module_utils._cloud.patience import patience, until
from ..plugins.module_utils._cloud.waiting import Deadline

if TYPE_CHECKING:
    from ..plugins.module_utils._cloud.sdk import Connection


class Session:
    """What the adapters of a cloud reach it by.

    Once the credential is refused, requests wait for another connection as long as each of them may
    take, and none is sent: to repeat a refused credential may lock the user out.

    :param wake: called when the credential is refused.
    """

    def __init__(self, connection: Connection, wake: Callable[[], None]) -> None:
        self._condition = threading.Condition()
        self._connection = connection
        self._wake = wake
        self._refusal = ""
        self.block_storage: Adapter = _Service(self, lambda connection: connection.block_storage)
        self.compute: Adapter = _Service(self, lambda connection: connection.compute)

    @property
    def refusal(self) -> str:
        """Why the credential is refused, an empty string while it is not."""
        return self._refusal

    def replace(self, connection: Connection) -> None:
        """Use another connection to the same project, from the next request on."""
        with self._condition:
            self._connection = connection
            self._refusal = ""
            self._condition.notify_all()

    def usable(self, deadline: Deadline) -> Connection:
        """Return the connection; wait for another one while its credential is refused.

        :raises CredentialRefused: there is no other one in time.
        """
        with self._condition:
            if not self._condition.wait_for(lambda: not self._refusal, deadline.left()):
                raise CredentialRefused(self._refusal)
            return self._connection

    def project_id(self, deadline: Deadline) -> str:
        """Return the id of the credential's project, which its token tells."""
        with sdk.translated("learn the project of the credential"), until(deadline):
            return str(self.usable(deadline).session.get_project_id() or "")

    def refuse(self, connection: Connection, refusal: CredentialRefused) -> None:
        """Note that a connection's credential is refused. One that was replaced meanwhile does not matter."""
        with self._condition:
            if connection is not self._connection or self._refusal:
                return
            self._refusal = str(refusal)
        self._wake()


class _Service:
    """A proxy of the SDK, of whichever connection the session has: see _cloud.api.Adapter."""

    def __init__(self, session: Session, proxy: Callable[[Connection], Adapter]) -> None:
        self._session = session
        self._proxy = proxy

    def request(self, url: str, method: str, **options: Any) -> Any:
        deadline = patience(options["timeout"])
        try:
            return self._once(deadline, url, method, options)
        except CredentialRefused:
            return self._once(deadline, url, method, options)

    def _once(self, deadline: Deadline, url: str, method: str, options: dict[str, Any]) -> Any:
        connection = self._session.usable(deadline)
        try:
            with sdk.translated(f"send {method} {url}"):
                response = self._proxy(connection).request(url, method, **options)
            if response.status_code == sdk.UNAUTHORIZED:
                sdk.body(response, f"{method} {url}")
            return response
        except CredentialRefused as refusal:
            self._session.refuse(connection, refusal)
            raise
