# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that ``--cloud-config`` names: cloud.conf, clouds.yaml, and what those name in turn."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ...plugins.module_utils._cloud import sdk
from . import cloud_conf, gcfg
from .cloud_conf import Cloud, DriverConf
from .gcfg import BadConfiguration, Sections

LOG = logging.getLogger(__name__)
#: Names that settings, and entries of clouds.yaml, have for further files.
_FILES = ("cacert", "cert", "key")


@dataclass(frozen=True)
class Configuration:
    """What the files say.

    :ivar clouds: each cloud by its name; the one that requests without secrets are for comes first.
    :ivar unusable: further clouds, and what is wrong with their sections.
    """

    clouds: Mapping[str, Cloud]
    driver: DriverConf
    unusable: Mapping[str, str] = field(default_factory=dict)


class CloudFiles:
    """The configuration's files, read anew at each call.

    :param paths: of cloud.conf and clouds.yaml, which are told apart by what is in them. Of a value
        that several give, the last one counts.
    :param names: of the clouds to use. Without any it is each [Global] section, or the one entry of
        clouds.yaml.
    """

    def __init__(self, paths: Sequence[str], names: Sequence[str] = ()) -> None:
        self._paths = [Path(path) for path in paths]
        self._names = list(dict.fromkeys(names))
        self._told: set[str] = set()

    def read(self) -> Configuration:
        """Read all of it.

        :raises BadConfiguration: a file cannot be read or used, or has no cloud of a name.
        """
        sections, entries = self._parse()
        found = cloud_conf.clouds(sections)
        known = {**{name: path for path, each in entries.items() for name in each}, **dict.fromkeys(found)}
        for name in self._names:
            if name not in known:
                raise BadConfiguration(f"--cloud-name {name!r} is unknown: {_list(known)}")
        chosen = self._names or list(found) or list(known)
        if not chosen:
            raise BadConfiguration(f"{self._shown()} has no section [Global]: name a cloud's auth-url there")
        if not self._names and not found and len(chosen) > 1:
            raise BadConfiguration(
                f"{self._shown()} has several clouds: choose by --cloud-name; {_list(known)}"
            )
        clouds, unusable = {}, {}
        for name in chosen:
            path = known[name]
            try:
                cloud = cloud_conf.cloud(name, found[name]) if path is None else Cloud({}, name, str(path))
                _check(cloud)
                clouds[name] = cloud
            except BadConfiguration as error:
                # Without names, the peer reads the unnamed section alone: with another one, it has worked.
                if self._names or not name or "" not in clouds:
                    raise
                unusable[name] = error.message
        return Configuration(clouds, cloud_conf.driver(sections), unusable)

    def driver(self) -> DriverConf:
        """Read only what the files say of the driver.

        :raises BadConfiguration: a file cannot be read or used.
        """
        return cloud_conf.driver(self._parse()[0])

    def _parse(self) -> tuple[Sections, dict[Path, Mapping[str, Any]]]:
        sections: Sections = {}
        entries: dict[Path, Mapping[str, Any]] = {}
        for path in self._paths:
            text = _text(path)
            try:
                if (found := _clouds_yaml(path, text)) is not None:
                    entries[path] = found
                    continue
                parsed = gcfg.parse(text)
                for section, values in parsed.items():
                    sections.setdefault(section, gcfg.Entries()).update(values)
                self._tell_ignored(path, parsed)
            except BadConfiguration as error:
                error.message = f"{path}: {error.message}"
                raise
        return sections, entries

    def _tell_ignored(self, path: Path, sections: Sections) -> None:
        """Name in the log, once, what has no effect."""
        for text in cloud_conf.without_effect(sections):
            told = f"{path}: {text}"
            if told not in self._told:
                self._told.add(told)
                LOG.warning("an entry of the configuration is ignored", extra={"entry": told})

    def _shown(self) -> str:
        return ", ".join(str(path) for path in self._paths)


def digest(cloud: Cloud) -> str:
    """Return what changes whenever a cloud's settings do, or the content of a file that they name."""
    said = json.dumps([dict(cloud.settings), cloud.entry, cloud.clouds_file], sort_keys=True)
    found = hashlib.sha256(said.encode())
    for path in _files(cloud):
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()


def _check(cloud: Cloud) -> None:
    """:raises BadConfiguration: the clouds.yaml that it names cannot be used."""
    for dummy in _files(cloud):
        pass


def _files(cloud: Cloud) -> Iterator[Path]:
    settings = cloud.settings
    if cloud.entry:
        places = [Path(cloud.clouds_file)] if cloud.clouds_file else sdk.places_of_clouds_yaml()
        yield from places
        for place in places:
            if place.is_file():
                settings = {**_entry(place, cloud.entry), **settings}
                break
    for name in _FILES:
        if isinstance(path := settings.get(name), str):
            yield Path(path)


def _clouds_yaml(path: Path, text: str) -> Mapping[str, Any] | None:
    """Return the entries of a clouds.yaml, None for a text that is none.

    :raises BadConfiguration: it is none, though its name or its form says so.
    """
    try:
        content = yaml.safe_load(text)
    except Exception as error:  # noqa: BLE001 - such as ValueError, for what looks like a date and is none
        if path.suffix in (".yaml", ".yml"):
            mark = getattr(error, "problem_mark", None)
            raise BadConfiguration(f"it is no YAML{f', see line {mark.line + 1}' if mark else ''}") from None
        return None
    # cloud.conf, read as YAML, is a list or a sentence.
    if not isinstance(content, dict):
        return None
    entries = content.get("clouds")
    if not isinstance(entries, dict):
        raise BadConfiguration("it is YAML without a mapping named clouds: see clouds.yaml of openstacksdk")
    return entries


def _entry(path: Path, name: str) -> Mapping[str, Any]:
    """Return an entry of a clouds.yaml, an empty one where there is none of that name.

    :raises BadConfiguration: the file cannot be used, or the entry has not the form of one.
    """
    text = _text(path)
    try:
        entry = (_clouds_yaml(path, text) or {}).get(name, {})
    except BadConfiguration as error:
        error.message = f"{path}: {error.message}"
        raise
    if not isinstance(entry, dict) or not isinstance(entry.get("auth", {}), dict):
        raise BadConfiguration(
            f"{path}: clouds.{name}, or its auth, is no mapping: see clouds.yaml of openstacksdk"
        )
    return entry


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise BadConfiguration(f"cannot read {path}: {reason}") from error


def _list(known: Mapping[str, object]) -> str:
    return f"known are {', '.join(repr(name) for name in known) or 'none'}"
