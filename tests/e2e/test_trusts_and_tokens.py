# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver that logs in to Keystone by a trust, or with a token that somebody else got."""

from __future__ import annotations

import uuid

import pytest

from ansible_collections.mooring.storage.tests.e2e.own_controller import (
    OwnController,
    make_and_delete,
    section,
)

NO_USER = {"username": "", "password": "", "user-domain-id": ""}
NO_PROJECT = {"tenant-name": "", "tenant-domain-id": ""}


@pytest.fixture
def controller(tmp_path):
    return OwnController(tmp_path)


@pytest.fixture
def trustee(keystone):
    """A user who has no role of its own; and its password."""
    password = uuid.uuid4().hex
    made = keystone.create_user(name=f"e2e-{uuid.uuid4().hex[:8]}", password=password)
    yield made, password
    keystone.delete_user(made)


@pytest.fixture
def trust(connection, trustee):
    """The driver's user lets the trustee act for it."""
    made = connection.identity.create_trust(
        trustor_user_id=connection.current_user_id,
        trustee_user_id=trustee[0].id,
        project_id=connection.current_project_id,
        impersonation=True,
        roles=[{"name": "member"}],
    )
    yield made
    connection.identity.delete_trust(made, ignore_missing=True)


def test_a_trustee_makes_volumes_for_who_trusts_it(controller, cloud, connection, cinder, trust, trustee):
    user, password = trustee
    keys = {"trust-id": trust.id, "trustee-id": user.id, "trustee-password": password}
    controller.configure(section(cloud, **NO_USER, **NO_PROJECT, **keys))
    with controller.running(), controller.stub() as stub:
        controller.wait_ready()
        make_and_delete(stub, cinder)


def test_a_trust_that_is_gone_is_told(controller, cloud, connection, trust, trustee):
    user, password = trustee
    connection.identity.delete_trust(trust)
    keys = {"trust-id": trust.id, "trustee-id": user.id, "trustee-password": password}
    controller.configure(section(cloud, **NO_USER, **NO_PROJECT, **keys))
    with controller.running():
        status, text = controller.refusal("cannot get a token")
        assert status == 503
        assert password not in text


def test_a_token_is_good_for_its_project(controller, cloud, connection, cinder):
    controller.configure(section(cloud, **NO_USER, token=connection.auth_token))
    with controller.running(), controller.stub() as stub:
        controller.wait_ready()
        make_and_delete(stub, cinder)
