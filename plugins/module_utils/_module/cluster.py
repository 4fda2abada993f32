# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API as the modules use it: plain objects in and out, and the domain's errors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from .._cloud import errors

Object = dict[str, Any]

#: Seconds for one call.
REQUEST_TIMEOUT = 30

_STATUS_ERRORS: dict[int, type[errors.CloudError]] = {
    401: errors.Forbidden,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.Unavailable,
}


class Cluster:
    """A cluster's API.

    Every method raises CloudError when its call fails.

    :param connect: makes kubernetes.core's client, as ``get_api_client`` does.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        with _translated("connect to the cluster"):
            self._client = connect().client

    def find(self, path: str) -> Object | None:
        """The object at that path, None when there is none."""
        try:
            return self._call("get", path, f"get {path}")
        except errors.NotFound:
            return None

    def items(self, path: str, field_selector: str | None = None) -> list[Object]:
        """The objects of the collection at that path.

        :param field_selector: limits them, in Kubernetes' own syntax.
        """
        found: list[Object] = self._call("get", path, f"list {path}", field_selector=field_selector)["items"]
        return found

    def create(self, path: str, body: Object) -> Object:
        """Add an object to the collection at that path."""
        return self._call("post", path, f"create {body['kind']} {body['metadata']['name']}", body=body)

    def merge(self, path: str, patch: Object) -> Object:
        """Change the object at that path by a JSON merge patch (RFC 7386)."""
        return self._call(
            "patch", path, f"change {path}", body=patch, content_type="application/merge-patch+json"
        )

    def delete(self, path: str, uid: str) -> None:
        """Delete the object of that uid; one that is gone already is a success."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        with contextlib.suppress(errors.NotFound):
            self._call("delete", path, f"delete {path}", body=body)

    def _call(self, method: str, path: str, action: str, **params: Any) -> Object:
        with _translated(action):
            response = self._client.request(
                method, path, serialize=False, _request_timeout=REQUEST_TIMEOUT, **params
            )
            answer: Object = json.loads(response.data)
        return answer


@contextlib.contextmanager
def _translated(action: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        found = _translate(error, action)
        if found is None:
            raise
        raise found from error


def _translate(error: Exception, action: str) -> errors.CloudError | None:
    """What an exception of the Kubernetes client means, None for any other.

    By its shape, since this layer does not import the client.
    """
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return _refusal(status, f"cannot {action}: {_words(error)} (HTTP {status})")
    home = type(error).__module__
    if home.startswith("urllib3."):
        return errors.Unavailable(f"cannot {action}: {error}")
    if home.startswith("kubernetes.config.") or type(error).__name__ == "CoreException":
        return errors.InvalidRequest(f"cannot {action}: {error}")
    return None


def _refusal(status: int, message: str) -> errors.CloudError:
    if status == 403 and "exceeded quota" in message:
        return errors.QuotaExceeded(message)
    kind = _STATUS_ERRORS.get(status) or (errors.InvalidRequest if status < 500 else errors.Unavailable)
    return kind(message)


def _words(error: Any) -> str:
    """The API server's own sentence where it gave one."""
    try:
        return str(json.loads(error.body)["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(getattr(error, "reason", None) or error)
