# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud.conf as cloud-provider-openstack's users have written it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mooring.storage.csi_server.config import cloud_conf, gcfg
from ansible_collections.mooring.storage.csi_server.config.cloud_conf import Cloud, DriverConf
from ansible_collections.mooring.storage.csi_server.config.gcfg import BadConfiguration

PASSWORD = """
# made by an installer
[Global]
auth-url = https://keystone.example:5000/v3
username=csi
password = "p#a;ss \\"word\\" \\\\"   ; a comment
tenant-name = storage
domain-name = Default
region = RegionOne
ca-file = /etc/config/ca.pem
os-endpoint-type = internalURL

[BlockStorage]
ignore-volume-az = yes
node-volume-attach-limit = 200
"""


def parse(text: str) -> tuple[Cloud, DriverConf]:
    """The cloud of the unnamed section, and what the file says of the driver."""
    sections = gcfg.parse(text)
    driver = cloud_conf.driver(sections)
    return cloud_conf.cloud("", cloud_conf.clouds(sections).get("", {})), driver


def test_a_password() -> None:
    conf, driver = parse(PASSWORD)
    assert conf.settings == {
        "auth_type": "v3password",
        "auth": {
            "auth_url": "https://keystone.example:5000/v3",
            "username": "csi",
            "password": 'p#a;ss "word" \\',
            "project_name": "storage",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": "RegionOne",
        "cacert": "/etc/config/ca.pem",
        "interface": "internal",
        "verify": True,
    }
    assert driver == DriverConf(ignore_volume_zone=True, max_volumes_per_node=200)


def test_an_application_credential() -> None:
    conf, dummy = parse(
        "[Global]\nauth-url=http://k/v3\napplication-credential-id=a1\napplication-credential-secret=s\ntls-insecure\n"
    )
    assert conf.settings["auth_type"] == "v3applicationcredential"
    assert conf.settings["auth"]["application_credential_id"] == "a1"
    assert conf.settings["verify"] is False


def test_a_domain_of_its_own_comes_before_the_common_one() -> None:
    conf, dummy = parse(
        "[Global]\nauth-url=http://k\nuser-id=u\npassword=p\ndomain-id=both\ntenant-domain-name=project's\n"
    )
    assert conf.settings["auth"]["user_domain_id"] == "both"
    assert conf.settings["auth"]["project_domain_name"] == "project's"
    assert "project_domain_id" not in conf.settings["auth"]


def test_a_cloud_of_clouds_yaml() -> None:
    conf, dummy = parse("[Global]\nuse-clouds = true\nclouds-file = /etc/clouds.yaml\ncloud = east\n")
    assert conf == Cloud({}, "east", "/etc/clouds.yaml")


def test_what_it_says_of_nodes() -> None:
    text = "[Metadata]\nsearch-order = metadataService,configDrive\nrequest-timeout = 1m0.5s\n"
    text += "[BlockStorage]\nrescan-on-resize = true\n"
    found = cloud_conf.driver(gcfg.parse(text))
    assert found == DriverConf(node_id_sources=("metadataService", "configDrive"), metadata_timeout=60.5)
    assert cloud_conf.driver(gcfg.parse("[Metadata]\nrequest-timeout = 0\n")).metadata_timeout is None


def test_capitals_do_not_matter_as_in_gcfg() -> None:
    assert cloud_conf.clouds(gcfg.parse('[GLOBAL "East"]\nAuth-URL = K\n')) == {"East": {"auth-url": "K"}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "auth-url"),
        ("[Global]\nauth-url=http://k\n", "no credential"),
        ("[Global]\nauth-url=http://k\nusername=u\n", "no credential"),
        ("[Global]\nauth-url=http://k\nusr=u\n", "unknown key usr"),
        ("[BlockStorage]\nignore-volume-az=maybe\n[Global]\nauth-url=http://k\n", "ignore-volume-az"),
        ("[BlockStorage]\nrescan-on-resize=maybe\n[Global]\nuse-clouds\ncloud=c\n", "rescan-on-resize"),
        ("auth-url=http://k\n", "line 1"),
        ("[Global\n", "line 1"),
        ('[Global]\npassword="half\n', "line 2"),
        ("[Global]\nuse-clouds=true\n", "cloud"),
        ("[BlockStorage]\nnode-volume-attach-limit=-1\n[Global]\nuse-clouds\ncloud=c\n", "attach-limit"),
        ("[Metadata]\nsearch-order=configDrive,metaService\n[Global]\nuse-clouds\ncloud=c\n", "search-order"),
        ("[Metadata]\nrequest-timeout=soon\n[Global]\nuse-clouds\ncloud=c\n", "request-timeout"),
        ("[Metadata]\ntimeout=1s\n[Global]\nuse-clouds\ncloud=c\n", "unknown key timeout"),
    ],
)
def test_a_mistake_is_named(text: str, words: str) -> None:
    with pytest.raises(BadConfiguration, match=words):
        parse(text)


ONE_LINE = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\x85")


@settings(deadline=None)
@given(secret=st.text(ONE_LINE, min_size=12).map("s3cret-".__add__))
def test_an_error_never_holds_a_value(secret: str) -> None:
    escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
    with pytest.raises(BadConfiguration) as error:
        parse(f'[Global]\nauth-url="http://k"\npassword = "{escaped}"\nnonsense = "{escaped}"\n')
    assert secret not in error.value.message


def test_the_second_line_of_a_secret_is_not_repeated() -> None:
    with pytest.raises(BadConfiguration, match="line 4") as error:
        parse("[Global]\nauth-url=http://k\npassword = first\nse$cond half\n")
    assert "cond" not in error.value.message


@settings(deadline=None)
@given(value=st.text(ONE_LINE))
def test_any_value_survives_its_quotes(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    conf, dummy = parse(f'[Global]\nauth-url=http://k\nusername=u\npassword="x{escaped}"\n')
    assert conf.settings["auth"]["password"] == "x" + value
