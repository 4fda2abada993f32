# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clouds the configuration's files name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mooring.storage.csi_server.config.cloud_conf import Cloud
from ansible_collections.mooring.storage.csi_server.config.cloud_files import CloudFiles, digest
from ansible_collections.mooring.storage.csi_server.config.gcfg import BadConfiguration

SECTION = "auth-url = http://k\nusername = u\npassword = secret\n"
CLOUDS_YAML = (
    "clouds:\n  east: {auth: {auth_url: http://k}, cacert: ca.pem}\n  west: {auth: {auth_url: http://w}}\n"
)


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "cloud.conf") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def names(*files: str, chosen: tuple[str, ...] = ()) -> list[str]:
    return list(CloudFiles(files, chosen).read().clouds)


def test_each_section_is_a_cloud_and_the_unnamed_one_comes_first(write) -> None:
    conf = write(f'[Global "east"]\n{SECTION}[Global]\n{SECTION}[Global "west"]\n{SECTION}')
    assert names(conf) == ["", "east", "west"]


def test_only_the_chosen_clouds_are_used_and_the_others_are_not_even_checked(write) -> None:
    conf = write(f'[Global]\nauth-url = http://k\n[Global "east"]\n{SECTION}[Global "west"]\n{SECTION}')
    assert names(conf, chosen=("west", "east")) == ["west", "east"]


def test_beside_an_unnamed_section_one_that_cannot_be_used_stops_nothing(write) -> None:
    conf = write(f'[Global "east"]\nauth-url = http://k\n[Global]\n{SECTION}')
    read = CloudFiles([conf]).read()
    assert list(read.clouds) == [""]
    assert list(read.unusable) == ["east"]
    assert '[Global "east"] has no credential' in read.unusable["east"]
    with pytest.raises(BadConfiguration, match=r'\[Global "east"\]'):
        CloudFiles([conf], ["", "east"]).read()


def test_nor_does_a_further_section_whose_clouds_yaml_cannot_be_used(write) -> None:
    broken = write("clouds: {x: text}\n", "clouds.yaml")
    conf = write(f'[Global]\n{SECTION}[Global "x"]\nuse-clouds\ncloud=x\nclouds-file={broken}\n')
    read = CloudFiles([conf]).read()
    assert list(read.clouds) == [""]
    assert read.unusable == {
        "x": f"{broken}: clouds.x, or its auth, is no mapping: see clouds.yaml of openstacksdk"
    }


def test_what_is_ignored_is_told_once(write, caplog) -> None:
    conf = write(f"[Global]\n{SECTION}secret-name = s\n")
    files = CloudFiles([conf])
    files.read()
    files.read()
    assert [vars(record)["entry"] for record in caplog.records] == [
        f"{conf}: [Global] secret-name is another program's"
    ]


def test_a_name_that_is_nowhere_is_told_with_the_known_ones(write) -> None:
    with pytest.raises(BadConfiguration, match=r"--cloud-name 'north' is unknown: known are 'east'"):
        names(write(f'[Global "east"]\n{SECTION}'), chosen=("north",))


def test_of_several_files_the_last_word_counts(write) -> None:
    first, second = write(f"[Global]\n{SECTION}"), write("[Global]\npassword = other\n", "more.conf")
    cloud = CloudFiles([first, second]).read().clouds[""]
    assert cloud.settings["auth"]["password"] == "other"
    assert cloud.settings["auth"]["username"] == "u"


def test_a_clouds_yaml_has_to_be_told_which_of_its_clouds(write) -> None:
    path = write(CLOUDS_YAML, "clouds.yaml")
    with pytest.raises(BadConfiguration, match="choose by --cloud-name; known are 'east', 'west'"):
        names(path)
    chosen = CloudFiles([path], ["west"]).read().clouds
    assert chosen == {"west": Cloud(entry="west", clouds_file=path)}
    assert names(write("clouds:\n  only: {}\n", "one.yaml")) == ["only"]


def test_a_cloud_conf_beside_a_clouds_yaml_says_the_rest(write) -> None:
    conf = write("[BlockStorage]\nignore-volume-az = true\n")
    read = CloudFiles([conf, write(CLOUDS_YAML, "clouds.yaml")], ["east"]).read()
    assert list(read.clouds) == ["east"]
    assert read.driver.ignore_volume_zone


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "cloud.conf", "no section"),
        ("clouds: [\n", "clouds.yaml", "no YAML, see line 2"),
        ("other: {}\n", "clouds.yaml", "a mapping named clouds"),
        ("clouds:\n  one: {password: 2026-13-45}\n", "clouds.yaml", "no YAML"),
        ("clouds: {one: text}\n", "clouds.yaml", r"clouds.yaml: clouds.one, or its auth, is no mapping"),
        ("clouds: {one: }\n", "clouds.yaml", "clouds.one"),
        ("clouds: {one: {auth: text}}\n", "clouds.yaml", "clouds.one"),
        ('[Global "east"]\nauth-url = http://k\n', "cloud.conf", r'\[Global "east"\] has no credential'),
    ],
)
def test_a_mistake_is_named(write, text: str, name: str, words: str) -> None:
    with pytest.raises(BadConfiguration, match=words):
        names(write(text, name))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"none.conf: No such file"):
        names(str(tmp_path / "none.conf"))


def test_the_digest_follows_the_settings_and_the_files_that_they_name(write, tmp_path: Path) -> None:
    ca = write("one", "ca.pem")
    conf = write(f"[Global]\n{SECTION}ca-file = {ca}\n")
    seen = [digest(CloudFiles([conf]).read().clouds[""])]
    write("two", "ca.pem")
    seen.append(digest(CloudFiles([conf]).read().clouds[""]))
    write(f"[Global]\n{SECTION}ca-file = {ca}\nregion = R\n")
    seen.append(digest(CloudFiles([conf]).read().clouds[""]))
    assert len(set(seen)) == 3
    assert digest(CloudFiles([conf]).read().clouds[""]) == seen[-1]


def test_the_digest_follows_a_clouds_yaml_and_its_ca(write, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    cloud = Cloud(entry="east", clouds_file=write(CLOUDS_YAML, "clouds.yaml"))
    seen = [digest(cloud)]
    write("ca", "ca.pem")
    seen.append(digest(cloud))
    write(CLOUDS_YAML.replace("http://k", "http://n"), "clouds.yaml")
    seen.append(digest(cloud))
    assert len(set(seen)) == 3


@pytest.mark.parametrize("entry", ["text", "", "{auth: text}", "2026-13-45"])
def test_an_entry_that_is_none_is_told_of_a_cloud_that_cloud_conf_names(write, entry: str) -> None:
    cloud = Cloud(entry="one", clouds_file=write(f"clouds: {{one: {entry}}}\n", "clouds.yaml"))
    with pytest.raises(BadConfiguration) as error:
        digest(cloud)
    assert not entry or entry not in error.value.message


def test_the_digest_follows_the_ca_that_comes_before_that_of_the_entry(write, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(CLOUDS_YAML, "clouds.yaml")
    cloud = Cloud({"cacert": write("ca", "other.pem")}, "east", path)
    before = digest(cloud)
    write("new", "other.pem")
    assert digest(cloud) != before


def test_no_secret_shows_in_a_clouds_text(write) -> None:
    assert "secret" not in repr(CloudFiles([write(f"[Global]\n{SECTION}")]).read())
