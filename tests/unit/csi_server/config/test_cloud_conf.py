# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud.conf as cloud-provider-openstack's users have written it."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mooring.storage.csi_server.config import cloud_conf, gcfg
from ansible_collections.mooring.storage.csi_server.config.cloud_conf import Cloud, DriverConf
from ansible_collections.mooring.storage.csi_server.config.gcfg import BadConfiguration
from ansible_collections.mooring.storage.plugins.module_utils._cloud import sdk

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


def test_what_stands_beside_a_cloud_of_clouds_yaml_comes_before_it() -> None:
    conf, dummy = parse(
        "[Global]\nuse-clouds = true\ncloud = east\nregion = R\nca-file = ca.pem\ntls-insecure = true\n"
        "os-endpoint-type = internalURL\npassword = p\n"
    )
    assert conf.settings == {
        "auth": {"password": "p"},
        "region_name": "R",
        "cacert": "ca.pem",
        "interface": "internal",
        "verify": False,
    }


def test_an_application_credential_has_its_own_project() -> None:
    conf, dummy = parse(
        "[Global]\nauth-url=http://k\ntenant-id=t\ntenant-name=n\ndomain-name=Default\nusername=u\n"
        "application-credential-name=a\napplication-credential-secret=s\n"
    )
    assert conf.settings["auth"] == {
        "auth_url": "http://k",
        "username": "u",
        "user_domain_name": "Default",
        "application_credential_name": "a",
        "application_credential_secret": "s",
    }


def test_a_trust_has_its_own_project() -> None:
    conf, dummy = parse(
        "[Global]\nauth-url=http://k\ntenant-id=t\ntenant-name=n\ntrust-id=r\ntrustee-id=e\ntrustee-password=p\n"
    )
    assert conf.settings["auth"] == {
        "auth_url": "http://k",
        "user_id": "e",
        "password": "p",
        "trust_id": "r",
    }


@pytest.mark.parametrize(
    ("credential", "kind"), [("", "v3token"), ("password=p\n", "v3password"), ("user-id=u\n", "v3token")]
)
def test_a_token_counts_where_there_is_no_password(credential: str, kind: str) -> None:
    conf, dummy = parse(f"[Global]\nauth-url=http://k\nusername=n\ntoken=t\ntenant-id=i\n{credential}")
    assert conf.settings["auth_type"] == kind
    assert ("token" in conf.settings["auth"]) == (kind == "v3token")
    assert ("username" in conf.settings["auth"]) == (kind == "v3password")


@pytest.mark.parametrize(
    "credential",
    [
        "username=u\npassword=p\ntoken=t\ntenant-id=i\ndomain-id=d",
        "username=u\ntoken=t\ntenant-id=i",
        "username=u\ndomain-id=d\ntenant-id=i\napplication-credential-name=a\napplication-credential-secret=s",
        "user-id=u\npassword=p\ntenant-id=i\ntrust-id=t",
    ],
)
def test_whatever_is_given_beside_a_credential_the_sdk_takes_the_rest(credential: str) -> None:
    conf, dummy = parse(f"[Global]\nauth-url=http://k\n{credential}\n")
    assert sdk.connect(conf.settings, 1.0)


def test_a_connection_goes_with_the_last_who_has_it() -> None:
    """Attempts to connect are without end while a cloud is down."""
    conf, dummy = parse("[Global]\nauth-url=http://k\nusername=u\npassword=p\ntenant-id=i\ndomain-id=d\n")
    made = weakref.ref(sdk.connect(conf.settings, 1.0))
    gc.collect()
    assert made() is None


@pytest.mark.parametrize(
    ("text", "limit"), [("1", 1), ("256", 256), ("257", None), ("0", None), ("-1", None), ("", None)]
)
def test_a_limit_that_no_node_can_have_is_none(text: str, limit: int | None) -> None:
    sections = gcfg.parse(f"[BlockStorage]\nnode-volume-attach-limit = {text}\n")
    assert cloud_conf.driver(sections).max_volumes_per_node == limit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500us", 0.0005), (".5s", 0.5), ("+5s", 5.0), ("5.s", 5.0), ("1h1m1s", 3661.0), ("-5s", None)],
)
def test_times_are_go_s(text: str, seconds: float | None) -> None:
    found = cloud_conf.driver(gcfg.parse(f"[Metadata]\nrequest-timeout = {text}\n")).metadata_timeout
    assert found == (seconds and pytest.approx(seconds))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('ab"c;d"e', "abc;de"),
        ('"a" "b" ; c', "a b"),
        ("a \\\nb # c", "a b"),
        ("a\\\n\\\n  b", "a  b"),
        (r"a\\b\"c", 'a\\b"c'),
        ("a  \r", "a"),
        ("a # b \\", "a"),
        ('"a" \\\n"b"', "a b"),
    ],
)
def test_values_are_gcfg_s(written: str, meant: str) -> None:
    found = gcfg.parse(f"[Global]\npassword = {written}\nregion = R\n")[("global", "")]
    assert found == {"password": meant, "region": "R"}


def test_keys_of_other_programs_and_unheard_ones_are_named_and_have_no_effect() -> None:
    sections = gcfg.parse(
        "[Global]\nauth-url=http://k\nusername=u\npassword=p\nsecret-name=s\n[LoadBalancer]\nanything=1\n"
        "[BlockStorage]\ntrust-device-path=false\n[Metadata]\nxyzzy=1\n"
    )
    assert cloud_conf.cloud("", sections[("global", "")]).settings["auth"]["username"] == "u"
    assert cloud_conf.driver(sections) == DriverConf()
    assert list(cloud_conf.without_effect(sections)) == [
        "[Global] secret-name is another program's",
        "[BlockStorage] trust-device-path is another program's",
        "[Metadata] has an unknown key on line 11",
    ]


def test_the_rest_of_a_secret_is_not_told_though_it_looks_like_a_key() -> None:
    sections = gcfg.parse("[Global]\nauth-url=http://k\nusername=u\npassword=p\nQ7xWv\n")
    assert list(cloud_conf.without_effect(sections)) == ["[Global] has an unknown key on line 5"]
    assert cloud_conf.cloud("", sections[("global", "")])


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
        ("[BlockStorage]\nnode-volume-attach-limit=many\n[Global]\nuse-clouds\ncloud=c\n", "attach-limit"),
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


SECTIONS = ["[Global]", '[Global "east"]', "[BlockStorage]", "[Metadata]", "[Networking]", "[", '[Global "']
ENTRIES = [
    *("auth-url=http://k", "username=u", "password=p", "use-clouds", "cloud=c", "trust-id=t", "bs-version"),
    *("node-volume-attach-limit=7", "node-volume-attach-limit=-1", "rescan-on-resize=maybe", "# x", "="),
    *("search-order=configDrive", "search-order=,", "request-timeout=1m", "request-timeout=m"),
]
KEYS = st.sampled_from(["auth-url", "Password", "domain-id", "tls-insecure", "search-order", "use-clouds"])
VALUES = st.text(max_size=20) | st.sampled_from(['"', '"\\', '"a" b', "\\", "\u0661", "1.5s", "\0"])
LINES = st.sampled_from(SECTIONS + ENTRIES) | st.builds("{}={}".format, KEYS, VALUES) | st.text(max_size=20)


@st.composite
def nearly_right(draw: st.DrawFn) -> str:
    lines = PASSWORD.splitlines()
    for line in draw(st.lists(LINES, max_size=3)):
        lines.insert(draw(st.integers(0, len(lines))), line)
    return "\n".join(lines)


@settings(max_examples=300)
@given(text=st.text() | st.lists(LINES).map("\n".join) | nearly_right())
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        conf, found = parse(text)
    except BadConfiguration:
        return
    assert conf.entry or conf.settings["auth"]["auth_url"]
    assert found.max_volumes_per_node is None or found.max_volumes_per_node > 0
    assert found.metadata_timeout is None or found.metadata_timeout > 0
