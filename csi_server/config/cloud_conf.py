# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cloud.conf, the file that cloud-provider-openstack reads, says of clouds and of the driver."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import node_identity
from .gcfg import BadConfiguration, Entries, Sections, boolean, ignored, refuse_mistyped
from .options import MAX_VOLUMES_PER_NODE

#: Keys of [Global] and the names that openstacksdk has for them below ``auth``.
_AUTH = {
    "auth-url": "auth_url",
    "user-id": "user_id",
    "username": "username",
    "password": "password",
    "tenant-id": "project_id",
    "tenant-name": "project_name",
    "trust-id": "trust_id",
    "tenant-domain-id": "project_domain_id",
    "tenant-domain-name": "project_domain_name",
    "user-domain-id": "user_domain_id",
    "user-domain-name": "user_domain_name",
    "token": "token",
    "application-credential-id": "application_credential_id",
    "application-credential-name": "application_credential_name",
    "application-credential-secret": "application_credential_secret",
}
#: The domain of user and project, where those have no key of their own.
_DOMAIN = {
    "domain-id": ("user_domain_id", "project_domain_id"),
    "domain-name": ("user_domain_name", "project_domain_name"),
}
_TRUSTEE = {"trustee-id": "user_id", "trustee-password": "password"}
#: The same outside of ``auth``.
_CONNECTION = {
    "region": "region_name",
    "os-endpoint-type": "interface",
    "ca-file": "cacert",
    "cert-file": "cert",
    "key-file": "key",
}
_OTHER = {"tls-insecure", "use-clouds", "clouds-file", "cloud"}
_BLOCK_STORAGE = {
    "node-volume-attach-limit",
    "rescan-on-resize",
    "ignore-volume-az",
    "ignore-volume-microversion",
    "bs-version",
}
_METADATA = {"search-order", "request-timeout"}
_GLOBAL = "global"
_KNOWN: Mapping[str, Collection[str]] = {
    _GLOBAL: {*_AUTH, *_DOMAIN, *_TRUSTEE, *_CONNECTION, *_OTHER},
    "blockstorage": _BLOCK_STORAGE,
    "metadata": _METADATA,
}
#: Keys that Kubernetes' own providers of OpenStack have had in the same file.
_ELSEWHERE: Mapping[str, Collection[str]] = {
    _GLOBAL: {"secret-name", "secret-namespace", "kubeconfig-path"},
    "blockstorage": {"trust-device-path"},
    "metadata": set(),
}
#: How they are told.
_NAMES = {_GLOBAL: "Global", "blockstorage": "BlockStorage", "metadata": "Metadata"}
#: Volumes of a node that node-volume-attach-limit can say.
_MOST_VOLUMES = 256
# Go's way to write a time: 1m30s, +1.5s, .5s, 500ms.
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
#: What each way to authenticate takes; keystoneauth and Keystone refuse anything else.
_USER = {"user_id", "username", "user_domain_id", "user_domain_name"}
_PROJECT = {"project_id", "project_name", "project_domain_id", "project_domain_name"}
_TAKEN = {
    "v3applicationcredential": {
        *("auth_url", "application_credential_id", "application_credential_name"),
        *("application_credential_secret", *_USER),
    },
    "v3token": {"auth_url", "token", "trust_id", *_PROJECT},
    "v3password": {"auth_url", "password", "trust_id", *_USER, *_PROJECT},
}


@dataclass(frozen=True)
class Cloud:
    """How to connect to one cloud.

    :ivar settings: for ``_cloud.sdk.connect``; of an entry in clouds.yaml, those that come before its own.
    :ivar entry: the name of an entry in clouds.yaml, empty where cloud.conf holds all itself.
    :ivar clouds_file: where clouds.yaml is, empty for the SDK's own places.
    """

    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    entry: str = ""
    clouds_file: str = ""


@dataclass(frozen=True)
class DriverConf:
    """What the file says of the driver, whichever cloud it works in. None is left to the driver."""

    ignore_volume_zone: bool = False
    max_volumes_per_node: int | None = None
    node_id_sources: tuple[str, ...] | None = None
    metadata_timeout: float | None = None
    """Seconds that a request to the metadata service may take."""

    def volumes_per_node(self, flag: int | None) -> int:
        """Return how many volumes a node may have: what the command line says comes first."""
        return flag or self.max_volumes_per_node or MAX_VOLUMES_PER_NODE


def clouds(sections: Sections) -> dict[str, Mapping[str, str]]:
    """Return the entries of each [Global] section by the section's own name, the unnamed one first."""
    found = {own: entries for (name, own), entries in sections.items() if name == _GLOBAL}
    return {**({"": found[""]} if "" in found else {}), **found}


def cloud(name: str, entries: Mapping[str, str]) -> Cloud:
    """Read one [Global] section.

    :param name: the section's own name, empty for the unnamed one.
    :raises BadConfiguration: a key is unknown, or one is missing.
    """
    section = _shown(_GLOBAL, name)
    refuse_mistyped(section, entries, _KNOWN[_GLOBAL], _ELSEWHERE[_GLOBAL])
    if boolean(entries, "use-clouds"):
        if not entries.get("cloud"):
            raise BadConfiguration(f"[{section}] has use-clouds and no cloud: name the entry of clouds.yaml")
        return Cloud(_overrides(entries), entries["cloud"], entries.get("clouds-file", ""))
    if not entries.get("auth-url"):
        raise BadConfiguration(f"[{section}] has no auth-url: give Keystone's address")
    return Cloud(_settings(section, entries))


def driver(sections: Sections) -> DriverConf:
    """Read [BlockStorage] and [Metadata].

    :raises BadConfiguration: a key is unknown, or its value is none that it can have.
    """
    storage = sections.get(("blockstorage", ""), Entries())
    metadata = sections.get(("metadata", ""), Entries())
    for name, entries in (("blockstorage", storage), ("metadata", metadata)):
        refuse_mistyped(_NAMES[name], entries, _KNOWN[name], _ELSEWHERE[name])
    # Of no effect: where the kernel does not see the new size, it is always told to look again.
    boolean(storage, "rescan-on-resize")
    return DriverConf(
        ignore_volume_zone=boolean(storage, "ignore-volume-az"),
        max_volumes_per_node=_limit(storage.get("node-volume-attach-limit", "")),
        node_id_sources=_sources(metadata.get("search-order", "")),
        metadata_timeout=_seconds(metadata.get("request-timeout", "")),
    )


def without_effect(sections: Sections) -> Iterator[str]:
    """Name the entries that mean nothing here, though their sections do."""
    for (name, own), entries in sections.items():
        if name in _KNOWN:
            yield from ignored(_shown(name, own), entries, _KNOWN[name], _ELSEWHERE[name])


def _shown(name: str, own: str) -> str:
    return f'{_NAMES[name]} "{own}"' if own else _NAMES[name]


def _limit(text: str) -> int | None:
    """Read a number of volumes; one that no node can have leaves it to the driver, as in its peer."""
    if not text:
        return None
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise BadConfiguration("node-volume-attach-limit is no whole number")
    return int(text) if 0 < int(text) <= _MOST_VOLUMES else None


def _sources(text: str) -> tuple[str, ...] | None:
    try:
        return node_identity.parse_order(text) if text else None
    except ValueError as error:
        raise BadConfiguration(f"search-order: {error}") from error


def _seconds(text: str) -> float | None:
    """Read a time as Go writes it; one that is not above 0, like none, leaves it to the driver."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    found = _DURATION.findall(unsigned)
    if text and unsigned != "0" and (not found or "".join(map("".join, found)) != unsigned):
        raise BadConfiguration("request-timeout is no time such as 5s or 500ms")
    if text.startswith("-"):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in found) or None


def _settings(section: str, entries: Mapping[str, str]) -> dict[str, Any]:
    auth = _auth(entries)
    kind = _auth_type(section, auth)
    taken = _TAKEN[kind] - (_PROJECT if "trust_id" in auth else set())
    auth = {name: value for name, value in auth.items() if name in taken}
    return {
        "auth_type": kind,
        "auth": auth,
        **_connection(entries),
        "verify": not boolean(entries, "tls-insecure"),
    }


def _overrides(entries: Mapping[str, str]) -> dict[str, Any]:
    """What cloud.conf says beside ``use-clouds``, which comes before the entry of clouds.yaml."""
    auth = _auth(entries)
    settings = {**({"auth": auth} if auth else {}), **_connection(entries)}
    if "tls-insecure" in entries:
        settings["verify"] = not boolean(entries, "tls-insecure")
    return settings


def _auth(entries: Mapping[str, str]) -> dict[str, str]:
    names = {**_AUTH, **(_TRUSTEE if entries.get("trust-id") else {})}
    auth = {names[key]: value for key, value in entries.items() if key in names and value}
    for key, domains in _DOMAIN.items():
        for name in domains if entries.get(key) else ():
            if not auth.keys() & {name, name.replace("_id", "_name"), name.replace("_name", "_id")}:
                auth[name] = entries[key]
    return auth


def _connection(entries: Mapping[str, str]) -> dict[str, Any]:
    settings = {_CONNECTION[key]: value for key, value in entries.items() if key in _CONNECTION and value}
    if "interface" in settings:
        settings["interface"] = settings["interface"].removesuffix("URL")
    return settings


def _auth_type(section: str, auth: Mapping[str, str]) -> str:
    """The way to authenticate that the keys imply, as gophercloud reads them."""
    if "application_credential_secret" in auth:
        return "v3applicationcredential"
    if "token" in auth and "password" not in auth:
        return "v3token"
    if not auth.get("password") or not (auth.get("username") or auth.get("user_id")):
        raise BadConfiguration(
            f"[{section}] has no credential: give username (or user-id) and password,"
            " or application-credential-id and application-credential-secret"
        )
    return "v3password"
