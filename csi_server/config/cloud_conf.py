# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud.conf, the file that cloud-provider-openstack reads.

Its syntax is gcfg's, a kin of INI: ``[Section]`` or ``[Section "name"]``, ``key = value`` with the
value bare or in double quotes, comments after ``#`` or ``;``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...plugins.module_utils._cloud.errors import InvalidRequest

_HEADER = re.compile(r'\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_BARE = re.compile(r"[^#;]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:[#;].*)?$')
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}

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


class BadConfiguration(InvalidRequest):
    """The file cannot be used. Its message never holds a value of it, as that may be a secret."""


@dataclass(frozen=True)
class CloudConf:
    """What the file says of one cloud.

    :ivar settings: for ``_cloud.sdk.connect``; empty where the cloud stands in clouds.yaml.
    :ivar cloud: the name of an entry in clouds.yaml, empty where the file holds all itself.
    :ivar clouds_file: where clouds.yaml is, empty for the SDK's own places.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    cloud: str = ""
    clouds_file: str = ""
    ignore_volume_zone: bool = False


def parse(text: str) -> CloudConf:
    """Read the unnamed [Global] section, and [BlockStorage].

    :raises BadConfiguration: the syntax is wrong, a key is unknown, or one is missing.
    """
    sections = _sections(text)
    entries = sections.get(("Global", ""), {})
    storage = sections.get(("BlockStorage", ""), {})
    _refuse_unknown("Global", entries, {*_AUTH, *_DOMAIN, *_TRUSTEE, *_CONNECTION, *_OTHER})
    _refuse_unknown("BlockStorage", storage, _BLOCK_STORAGE)
    ignore_zone = _boolean(storage, "ignore-volume-az")
    if _boolean(entries, "use-clouds"):
        if not entries.get("cloud"):
            raise BadConfiguration("[Global] has use-clouds and no cloud: name the entry of clouds.yaml")
        return CloudConf({}, entries["cloud"], entries.get("clouds-file", ""), ignore_zone)
    if not entries.get("auth-url"):
        raise BadConfiguration("[Global] has no auth-url: give Keystone's address")
    return CloudConf(_settings(entries), ignore_volume_zone=ignore_zone)


def _settings(entries: Mapping[str, str]) -> dict[str, Any]:
    names = {**_AUTH, **(_TRUSTEE if "trust-id" in entries else {})}
    auth = {names[key]: value for key, value in entries.items() if key in names and value}
    for key, domains in _DOMAIN.items():
        for name in domains if entries.get(key) else ():
            if not auth.keys() & {name, name.replace("_id", "_name"), name.replace("_name", "_id")}:
                auth[name] = entries[key]
    settings: dict[str, Any] = {"auth_type": _auth_type(auth), "auth": auth}
    settings.update(
        {_CONNECTION[key]: value for key, value in entries.items() if key in _CONNECTION and value}
    )
    settings["verify"] = not _boolean(entries, "tls-insecure")
    if "interface" in settings:
        settings["interface"] = settings["interface"].removesuffix("URL")
    return settings


def _auth_type(auth: Mapping[str, str]) -> str:
    """The way to authenticate that the keys imply, as gophercloud reads them."""
    if "application_credential_secret" in auth:
        return "v3applicationcredential"
    if "token" in auth:
        return "v3token"
    if not auth.get("password") or not (auth.get("username") or auth.get("user_id")):
        raise BadConfiguration(
            "[Global] has no credential: give username (or user-id) and password,"
            " or application-credential-id and application-credential-secret"
        )
    return "v3password"


def _sections(text: str) -> dict[tuple[str, str], dict[str, str]]:
    sections: dict[tuple[str, str], dict[str, str]] = {}
    current: dict[str, str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            header = _HEADER.match(line)
            if header is None:
                raise BadConfiguration(f'line {number} is no section: write [Name] or [Name "other"]')
            current = sections.setdefault((header[1], header[2] or ""), {})
            continue
        key, equals, value = line.partition("=")
        if current is None:
            raise BadConfiguration(f"line {number} stands before the first section")
        # What does not look like a key may be part of a value, and is not repeated.
        if not _KEY.fullmatch(key.strip()):
            raise BadConfiguration(f"line {number} is neither a section nor of the form key = value")
        current[key.strip()] = _value(value.strip(), number) if equals else "true"
    return sections


def _value(text: str, number: int) -> str:
    if not text.startswith('"'):
        bare = _BARE.match(text)
        return bare[0].strip() if bare else ""
    quoted = _QUOTED.match(text)
    if quoted is None:
        raise BadConfiguration(f"line {number} has a quote that is not closed, or text behind it")
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1])


def _boolean(entries: Mapping[str, str], key: str) -> bool:
    match entries.get(key, "false").lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0" | "":
            return False
    raise BadConfiguration(f"{key} is neither true nor false")


def _refuse_unknown(section: str, entries: Mapping[str, str], known: set[str]) -> None:
    for key in entries:
        if key not in known:
            raise BadConfiguration(
                f"[{section}] has the unknown key {key}: known are {', '.join(sorted(known))}"
            )
