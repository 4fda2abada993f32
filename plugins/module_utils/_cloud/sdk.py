# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that touches openstacksdk: connecting, and turning its exceptions into ours.

The SDK is imported when a function needs it, so that what only plans or parses starts without it.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import errors
from .observing import UNOBSERVED, Call, Observer
from .patience import patience, shortened
from .token_turn import TokenTurn

if TYPE_CHECKING:
    from keystoneauth1.identity.base import BaseIdentityPlugin
    from keystoneauth1.session import Session
    from openstack.config.cloud_region import CloudRegion
    from openstack.connection import Connection
    from requests import Response

#: Begins the user agent of each request, so that a cloud's access logs tell who asked.
APPLICATION = "mooring.storage"

#: The name by which an observer knows a request for a token: a first one, or a renewal.
RENEWAL = "token_create"
UNAUTHORIZED, NOT_FOUND = 401, 404

#: What an HTTP status means, whichever service sent it. 413 is Cinder's and Nova's word for quota.
STATUS_ERRORS: dict[int, type[errors.CloudError]] = {
    400: errors.InvalidRequest,
    UNAUTHORIZED: errors.CredentialRefused,
    403: errors.Forbidden,
    NOT_FOUND: errors.NotFound,
    409: errors.InUse,
    413: errors.QuotaExceeded,
    429: errors.Busy,
    500: errors.Unavailable,
    502: errors.Unanswered,
    503: errors.Unavailable,
    504: errors.Unanswered,
}


def connect(
    settings: Mapping[str, Any],
    timeout: float,
    observer: Observer = UNOBSERVED,
    user_agents: Sequence[str] = (),
) -> Connection:
    """Make a connection from settings alone: no clouds.yaml, no environment.

    :param settings: openstacksdk's names: ``auth_type``, ``auth`` (a mapping), ``region_name``,
        ``interface``, ``cacert``, ``cert``, ``key``, ``verify``.
    :param timeout: seconds that one HTTP request may take.
    :param observer: is told of the requests for tokens, which the SDK sends by itself.
    :param user_agents: told to the cloud in the user agent of each request, after APPLICATION.
    :raises errors.CloudError: the settings do not make a connection. No request is sent yet.
    """
    with translated("read the cloud's configuration"):
        from openstack import config

        region = config.OpenStackConfig(
            load_yaml_config=False,
            load_envvars=False,
            app_name=" ".join([APPLICATION, *user_agents]),
            session_constructor=_session_class(observer, timeout),
        ).get_one(**settings, api_timeout=timeout)
        return _connected(region)


def connect_named(
    cloud: str,
    files: list[str] | None,
    timeout: float,
    observer: Observer = UNOBSERVED,
    user_agents: Sequence[str] = (),
    overrides: Mapping[str, Any] = types.MappingProxyType({}),
) -> Connection:
    """Make a connection from a cloud's entry in clouds.yaml.

    :param cloud: the entry's name.
    :param files: where to look for clouds.yaml; None for openstacksdk's own places.
    :param observer: is told of the requests for tokens, which the SDK sends by itself.
    :param user_agents: told to the cloud in the user agent of each request, after APPLICATION.
    :param overrides: settings, as of ``connect``, that come before those of the entry.
    :raises errors.CloudError: there is no such entry, or it does not make a connection.
    """
    with translated(f"read cloud {cloud} from clouds.yaml"):
        from openstack import config

        loaded = config.OpenStackConfig(
            config_files=files,
            load_envvars=False,
            app_name=" ".join([APPLICATION, *user_agents]),
            session_constructor=_session_class(observer, timeout),
        )
        # The SDK takes an entry's one region for the only one that there is.
        entry = loaded.cloud_config["clouds"].get(cloud) or {}
        if "region_name" in overrides and "regions" not in entry:
            entry["region_name"] = overrides["region_name"]
        return _connected(loaded.get_one(cloud=cloud, **overrides, api_timeout=timeout))


def _connected(region: CloudRegion) -> Connection:
    from openstack import connection

    made = connection.Connection(config=region)
    # The SDK keeps each one, and its sockets, until the process ends: those of attempts that failed too.
    atexit.unregister(made.close)
    return made


def _session_class(observer: Observer, timeout: float) -> type[Session]:
    """A session whose requests for tokens are observed; the others are by those who send them.

    A token that a service refuses, or that ends soon, is renewed once, however many threads need it, and
    none of them waits longer for it than it may. The session of keystoneauth renews a refused one for each
    of them, or gives up where another thread has begun to; its plugins renew the other while all threads
    wait in a lock, without end.
    """
    from keystoneauth1 import session

    class TokenSession(session.Session):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._tokens = _Tokens(self, timeout)
            self._used = threading.local()

        def get_auth_headers(self, auth: Any = None) -> dict[str, str] | None:
            self._tokens.refresh(auth or self.auth)
            headers: dict[str, str] | None = super().get_auth_headers(auth)
            self._used.token = (headers or {}).get("X-Auth-Token")
            return headers

        def get_project_id(self, auth: Any = None) -> str | None:
            self._tokens.refresh(auth or self.auth)
            project: str | None = super().get_project_id(auth)
            return project

        def invalidate(self, auth: Any = None) -> bool:
            return self._tokens.replace(auth or self.auth, self._used.token) or bool(super().invalidate(auth))

        def request(self, url: str, method: str, **options: Any) -> Any:
            if method == "POST" and url.partition("?")[0].endswith("/auth/tokens"):
                options["timeout"] = shortened(timeout)
                send = super().request
                return _observed(observer, lambda: send(url, method, **options))
            if method != "POST" and options.get("authenticated") is not False:
                # The token comes first, and may take some of the time that there is.
                self._tokens.refresh(options.get("auth") or self.auth)
                options["timeout"] = shortened(options.get("timeout", timeout))
            return super().request(url, method, **options)

    return TokenSession


class _Tokens:
    """Renews the token of a session: see TokenTurn.

    :param timeout: seconds that a request for one may take.
    """

    def __init__(self, session: Session, timeout: float) -> None:
        self._session = session
        self._timeout = timeout
        self._turn = TokenTurn()

    def refresh(self, plugin: Any) -> None:
        """Have a token that a request does not outlive, if the plugin is of those that have tokens."""
        if _has_tokens(plugin):
            self._renew(plugin, lambda: _ends_soon(plugin))

    def replace(self, plugin: Any, refused: str | None) -> bool:
        """Have another token than one that was refused. Return False for a plugin that has none."""
        if not _has_tokens(plugin):
            return False
        self._renew(plugin, lambda: plugin.auth_ref is None or plugin.auth_ref.auth_token == refused)
        return True

    def _renew(self, plugin: BaseIdentityPlugin, is_needed: Callable[[], bool]) -> None:
        def fetch() -> None:
            with translated("get a token from Keystone"):
                # Never taken away without another: threads read it meanwhile.
                plugin.auth_ref = plugin.get_auth_ref(self._session)

        self._turn.take(is_needed, fetch, patience(self._timeout), self._timeout)


def _has_tokens(plugin: Any) -> bool:
    from keystoneauth1.identity.base import BaseIdentityPlugin

    return isinstance(plugin, BaseIdentityPlugin)


def _observed(observer: Observer, ask: Callable[[], Response]) -> Response:
    """Ask for a token, and tell the observer."""
    start = time.monotonic()
    error, request_id = "", ""
    observer.begins(RENEWAL)
    try:
        answer = ask()
        request_id = answer.headers.get("x-openstack-request-id", "")
        return answer
    except Exception as failed:
        error = type(translate(failed, "get a token from Keystone") or failed).__name__
        raise
    finally:
        observer.ends(Call(RENEWAL, time.monotonic() - start, request_id, error))


def _ends_soon(plugin: BaseIdentityPlugin) -> bool:
    """Say whether there is no token, or one that a request may outlive."""
    token = plugin.auth_ref
    return token is None or (plugin.reauthenticate and token.will_expire_soon(plugin.MIN_TOKEN_LIFE_SECONDS))


def locate(connection: Connection, service: str, name: str) -> None:
    """Find where a service is, and which versions it has.

    :param service: the SDK's word for it: ``block_storage``.
    :param name: people's word for it: ``Cinder``.
    :raises errors.CloudError: the catalog has none for the connection's region and interface, or it does
        not answer.
    """
    from keystoneauth1 import exceptions

    with translated(f"find {name} in the catalog"):
        try:
            getattr(connection, service).get_endpoint_data()
        except exceptions.EmptyCatalog:
            raise
        except (exceptions.EndpointNotFound, ValueError) as error:
            # ValueError is keystoneauth's where the catalog has the service by two names, and neither fits.
            interface = connection.config.get_interface(service)
            region = connection.config.get_region_name(service)
            raise errors.InvalidRequest(
                f"cannot find {name} in the catalog: it has no {interface} endpoint in region {region!r}."
                f" Keystone names services in the regions {', '.join(_regions(connection))}"
            ) from error


def _regions(connection: Connection) -> list[str]:
    """The regions of the catalog, sorted; an endpoint may have none."""
    catalog = connection.session.auth.get_access(connection.session).service_catalog.catalog
    endpoints = [endpoint for service in catalog for endpoint in service.get("endpoints") or ()]
    return sorted(filter(None, {each.get("region_id") or each.get("region") for each in endpoints}))


def places_of_clouds_yaml() -> list[Path]:
    """Return where the SDK looks for clouds.yaml and its secrets when no file is named."""
    from openstack.config import loader

    return [Path(name) for name in (*loader.CONFIG_FILES, *loader.SECURE_FILES)]


@contextlib.contextmanager
def translated(action: str) -> Iterator[None]:
    """Let only errors of this collection out of the block.

    :param action: what the block does, in the infinitive: ``create volume pvc-1``.
    """
    try:
        yield
    except errors.CloudError:
        raise
    except Exception as error:
        found = translate(error, action)
        if found is None:
            raise
        raise found from error


def body(response: Response, action: str = "call OpenStack") -> dict[str, Any]:
    """Return the JSON object of an answer, ``{}`` for an empty one.

    :raises errors.CloudError: the answer's status is 400 or above, or it is no JSON object.
    """
    with translated(action):
        from openstack import exceptions

        exceptions.raise_from_response(response)
    if not response.content:
        return {}
    try:
        return dict(response.json())
    except ValueError as error:
        raise errors.Unavailable(
            f"cannot {action}: the answer is not JSON, so not the service's own"
        ) from error


def translate(error: Exception, action: str) -> errors.CloudError | None:
    """Return what an exception of openstacksdk or keystoneauth means, None for any other.

    An OSError is theirs as well: they let through what requests says of a file for TLS, such as the cloud's
    authorities.
    """
    from keystoneauth1 import exceptions as session_errors
    from openstack import exceptions as sdk_errors

    if not isinstance(error, sdk_errors.SDKException | session_errors.ClientException):
        return errors.Unavailable(f"cannot {action}: {error}") if isinstance(error, OSError) else None
    status = getattr(error, "status_code", None) or getattr(error, "http_status", None)
    request_id = str(getattr(error, "request_id", None) or "")
    if status == NOT_FOUND and not (isinstance(error, sdk_errors.SDKException) and _is_own(error)):
        return errors.Unavailable(
            f"cannot {action}: the answer is HTTP {status}, but not of the service itself: a proxy before it,"
            f" or the catalog's address of it, is wrong: {_words(error)}",
            request_id,
        )
    if status is not None:
        kind = STATUS_ERRORS.get(status) or (errors.InvalidRequest if status < 500 else errors.Unavailable)
        return kind(f"cannot {action}: {_words(error)} (HTTP {status})", request_id)
    if isinstance(error, session_errors.ConnectTimeout):
        return errors.Unanswered(f"cannot {action}: no answer in time: {_words(error)}")
    if isinstance(error, session_errors.ConnectionError | session_errors.DiscoveryFailure):
        return errors.Unanswered(f"cannot {action}: {_words(error)}")
    return errors.InvalidRequest(f"cannot {action}: {_words(error)}")


def _is_own(error: Exception) -> bool:
    """Say whether a refusal has the form of Cinder and Nova: ``{"itemNotFound": {"message": "..."}}``.

    An unknown path is refused otherwise, by a service too, and so are requests that never got to it.
    """
    try:
        said = error.response.json()  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False
    return isinstance(said, dict) and any(
        isinstance(fault, dict) and "message" in fault for fault in said.values()
    )


def _words(error: Exception) -> str:
    """The service's own words where it gave any."""
    return str(getattr(error, "details", None) or getattr(error, "message", None) or error).strip()
