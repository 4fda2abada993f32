# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter, through openstacksdk, against a server that speaks Cinder's API."""

from __future__ import annotations

import openstack
import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    CloudError,
    Forbidden,
    InvalidRequest,
    NotFound,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.qos_specs import QosSpec, QosSpecs
from ansible_collections.mooring.storage.plugins.module_utils._cloud.volume_types import (
    VolumeTypeRef,
    list_volume_types,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline
from ansible_collections.mooring.storage.plugins.module_utils._module.connection import block_storage


@pytest.fixture
def api(cinder):
    with openstack.connect(load_yaml_config=False, load_envvars=False, **cinder.cloud) as connection:
        yield block_storage(connection)


@pytest.fixture
def specs(api):
    return QosSpecs(api, Deadline.after(30))


def test_a_cloud_without_qos_specs_gives_an_empty_list(specs):
    assert specs.every() == []


def test_all_pages_are_listed(cinder, specs):
    ids = {cinder.add_spec(f"spec-{number}", {}) for number in range(7)}
    assert {spec.id for spec in specs.every()} == ids


def test_create_returns_what_cinder_made(specs):
    made = specs.create("gold", "front-end", {"total_iops_sec": "500"})
    assert made == QosSpec(made.id, "gold", "front-end", {"total_iops_sec": "500"})
    assert specs.every() == [made]


def test_a_taken_name_is_refused_in_cinders_words(cinder, specs):
    cinder.add_spec("gold", {})
    with pytest.raises(CloudError, match="gold already exists") as refused:
        specs.create("gold", "both", {})
    assert refused.value.request_id == "req-of-the-test"


def test_keys_and_consumer_change_one_by_one(cinder, specs):
    spec_id = cinder.add_spec("gold", {"a": "1", "b": "2"})
    specs.set_keys(spec_id, {"b": "3", "c": "4"})
    specs.unset_keys(spec_id, ["a"])
    specs.set_consumer(spec_id, "both")
    assert specs.every() == [QosSpec(spec_id, "gold", "both", {"b": "3", "c": "4"})]


def test_a_volume_type_is_associated_and_disassociated(cinder, specs, api):
    spec_id, type_id = cinder.add_spec("gold", {}), cinder.add_type("fast")
    specs.associate(spec_id, type_id)
    assert specs.associations(spec_id) == [VolumeTypeRef(type_id, "fast")]
    assert list_volume_types(api, Deadline.after(30)) == [VolumeTypeRef(type_id, "fast")]
    specs.disassociate(spec_id, type_id)
    assert specs.associations(spec_id) == []


def test_deleting_what_is_gone_is_a_success(specs):
    specs.delete("no-such-id", force=False)


def test_one_in_use_is_deleted_by_force_only(cinder, specs):
    spec_id, type_id = cinder.add_spec("gold", {}), cinder.add_type("fast")
    specs.associate(spec_id, type_id)
    with pytest.raises(InvalidRequest, match="still in use"):
        specs.delete(spec_id, force=False)
    specs.delete(spec_id, force=True)
    assert cinder.specs == {}


def test_a_missing_spec_is_not_found_elsewhere(specs):
    with pytest.raises(NotFound):
        specs.associations("no-such-id")


def test_a_refused_credential_is_no_empty_list(cinder, specs):
    cinder.broken = (403, "Policy doesn't allow it")
    with pytest.raises(Forbidden, match="Policy doesn't allow it"):
        specs.every()
