# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One REST API of one cloud: a request with a deadline, repeated where the service asks for that."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from .admission import OPEN_DOOR, Admission
from .errors import Busy, CloudError, Timeout, Unanswered, Unavailable
from .observing import UNOBSERVED, Call, Observer
from .patience import shortened, until
from .sdk import body, translated
from .waiting import Deadline

#: Statuses after which the service has not carried the request out and wants it again.
REPEATED = frozenset({429, 503})
#: Seconds between two requests to a service that does not say when it wants the next.
LONGEST_PAUSE = 10.0


class Response(Protocol):
    """What this file reads of an answer (requests.Response)."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]: ...


class Adapter(Protocol):
    """What this file needs of an openstacksdk proxy (keystoneauth1.adapter.Adapter)."""

    def request(self, url: str, method: str, **kwargs: Any) -> Any: ...


@dataclass(frozen=True)
class Api:
    """A service's REST API.

    :ivar adapter: returns the SDK's proxy, such as ``connection.block_storage``. A callable,
        because the SDK authenticates and asks for the versions when the proxy is first used.
    :ivar microversion: sent with each request that does not ask for another.
    :ivar timeout: seconds that one request may take, however late the deadline is. A POST may take
        them however near the deadline is: given up sooner, it may make something that the next
        look does not find yet, and that is then made twice.
    :ivar admission: whose turn it is; shared by all services of a cloud.
    """

    adapter: Callable[[], Adapter]
    microversion: str
    observer: Observer = UNOBSERVED
    timeout: float = 30.0
    admission: Admission = OPEN_DOOR

    def request(
        self,
        name: str,
        method: str,
        path: str,
        action: str,
        deadline: Deadline,
        params: Mapping[str, str | int] | None = None,
        json: Mapping[str, Any] | None = None,
        microversion: str = "",
    ) -> dict[str, Any]:
        """Send one request; again after 429 and 503, as long as the deadline allows.

        One that gets no answer is sent a second time, unless it is a POST: that may have been carried out.

        :param name: for the observer.
        :param action: for the error's message, in the infinitive.
        :param microversion: for a request that needs a later one than the others.
        :raises CloudError: whatever the answer means.
        """
        options: dict[str, Any] = {"microversion": microversion or self.microversion}
        if params is not None:
            options["params"] = dict(params)
        if json is not None:
            options["json"] = json
        pause, repeats, repeatable = 1.0, 0, method != "POST"
        while True:
            try:
                # Pauses are outside: who waits for the service to recover takes no place.
                with self.admission.admit(name, action, deadline):
                    if deadline.passed():
                        raise Timeout(f"cannot {action}: the time allowed for it has passed")
                    return self._once(name, method, path, action, deadline, options, repeats)
            except Unanswered:
                if not repeatable or deadline.passed():
                    raise
                repeatable = False
            except _Again as again:
                # At once is taken at its word once.
                wait = pause if again.seconds is None or (repeats and not again.seconds) else again.seconds
                if wait >= deadline.left():
                    raise again.error from again
                deadline.sleep(wait)
                pause, repeats = min(pause * 2, LONGEST_PAUSE), again.status

    def _once(
        self,
        name: str,
        method: str,
        path: str,
        action: str,
        deadline: Deadline,
        options: Mapping[str, Any],
        repeats: int,
    ) -> dict[str, Any]:
        start = time.monotonic()
        self.observer.begins(name)
        error, request_id = "", ""
        try:
            with translated(action), until(deadline):
                response = self.adapter().request(
                    path,
                    method,
                    timeout=self.timeout if method == "POST" else shortened(self.timeout),
                    # The SDK would send a POST again as well.
                    connect_retries=0,
                    **options,
                )
            request_id = response.headers.get("x-openstack-request-id", "")
            try:
                return body(response, action)
            except (Busy, Unavailable) as refused:
                if response.status_code in REPEATED:
                    after = _seconds(response.headers)
                    raise _Again(refused, response.status_code, after) from refused
                raise
        except CloudError as failed:
            error = type(failed).__name__
            raise
        except _Again as again:
            error = type(again.error).__name__
            raise
        finally:
            self.observer.ends(Call(name, time.monotonic() - start, request_id, error, repeats))


class _Again(Exception):
    """The service asks for the request to be sent again, after that many seconds if it says so."""

    def __init__(self, error: CloudError, status: int, seconds: float | None) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.seconds = seconds


def _seconds(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which the service wants the request again, None when it does not say.

    Retry-After holds them, or a date, which is read by the service's own clock: the answer's Date.
    """
    said = headers.get("Retry-After", "")
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, until.total_seconds())
