# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a connection to storage is a credential, and what is left without it."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.csi_server.credentials import credentials, hide, without_credentials

#: What takes a connection down: names that os-brick reads when it disconnects.
ISCSI = {
    "target_portal": "192.0.2.1:3260",
    "target_iqn": "iqn.2026-01.test:volume-1",
    "target_lun": 3,
    "target_portals": ["192.0.2.1:3260"],
    "auth_method": "CHAP",
    "auth_username": "user",
    "discovery_auth_method": "CHAP",
    "access_mode": "rw",
}
RBD = {
    "name": "volumes/volume-1",
    "hosts": ["192.0.2.1"],
    "ports": ["6789"],
    "cluster_name": "ceph",
    "auth_enabled": True,
    "auth_username": "cinder",
}
NVME = {"target_nqn": "nqn.2026-01.test:1", "host_nqn": "nqn.h", "portals": [["192.0.2.1", 4420, "tcp"]]}


@pytest.mark.parametrize(
    ("kept", "secret"),
    [
        (ISCSI, {"auth_password": "s3cret-1", "discovery_auth_password": "s3cret-2"}),
        (RBD, {"keyring": "[client.cinder] key = s3cret-1", "secret_uuid": "s3cret-2"}),
        (NVME, {"dhchap_key": "s3cret-1"}),
        ({"serverIP": "192.0.2.1"}, {"serverPassword": "s3cret-1", "serverToken": "s3cret-2"}),
    ],
)
def test_credentials_go_and_what_disconnecting_needs_stays(kept, secret):
    assert without_credentials({**kept, **secret}) == kept
    assert sorted(credentials({**kept, **secret})) == sorted(secret.values())


def test_credentials_are_found_at_any_depth():
    nested = {"paths": [{"portal": "192.0.2.1", "chapSecret": "s3cret"}]}
    assert without_credentials(nested) == {"paths": [{"portal": "192.0.2.1"}]}
    assert list(credentials(nested)) == ["s3cret"]


def test_a_secret_that_holds_another_is_hidden_whole():
    assert hide("login s3cret-1 failed", ["s3cret", "s3cret-1"]) == "login *** failed"
    assert hide("login at 1", ["1"]) == "login at 1"
