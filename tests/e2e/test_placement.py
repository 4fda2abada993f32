# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims whose annotations have their volumes made beside others, or apart from them."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects, second_driver
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says

AFFINITY, ANTI_AFFINITY = (f"cinder.csi.openstack.org/{kind}" for kind in ("affinity", "anti-affinity"))


@pytest.fixture(scope="module")
def driver(cloud, tmp_path_factory):
    """A driver that reads annotations."""
    folder = tmp_path_factory.mktemp("placed")
    with second_driver.installed(
        folder,
        "placed",
        19814,
        cloud,
        csi_driver_pvc_annotations=True,
        csi_driver_controller_extra_args=["--user-agent=placed"],
    ) as name:
        yield name


@pytest.fixture
def anywhere(driver, namespace, cluster_wide):
    """A class whose type has three back ends."""
    cluster_wide(objects.storage_class(namespace, {"type": "__DEFAULT__"}, provisioner=driver))
    return namespace


@pytest.fixture
def backend(admin):
    """The back end that a volume is on, which Cinder tells administrators."""
    return lambda volume: admin.get_volume(volume).host


def annotated(namespace, name, **annotations):
    claim = objects.claim(namespace, name, namespace)
    claim["metadata"]["annotations"] = annotations
    return claim


def test_volumes_lie_beside_and_apart_as_their_claims_say(anywhere, namespace, backend):
    objects.apply(annotated(namespace, "first"))
    first = objects.wait_bound(namespace, "first")
    objects.apply(annotated(namespace, "apart", **{ANTI_AFFINITY: first}))
    apart = objects.wait_bound(namespace, "apart")
    name = objects.get("pvc", "apart", namespace)["spec"]["volumeName"]
    objects.apply(
        annotated(namespace, "beside", **{AFFINITY: name}),
        annotated(namespace, "third", **{ANTI_AFFINITY: f"{first}, {name}"}),
    )
    beside, third = (objects.wait_bound(namespace, each) for each in ("beside", "third"))

    assert len({backend(each) for each in (first, apart, third)}) == 3
    assert backend(beside) == backend(apart)
    bound = objects.get("pvc", "beside", namespace)["spec"]["volumeName"]
    assert objects.get("pv", bound)["spec"]["csi"]["volumeAttributes"][AFFINITY] == name


def test_a_name_that_no_volume_has_is_told(anywhere, namespace):
    objects.apply(annotated(namespace, "data", **{AFFINITY: "pvc-of-another-day"}))

    assert_says(
        lambda: objects.told(namespace, "ProvisioningFailed"),
        "names 'pvc-of-another-day', and there is no such volume",
    )
    assert objects.get("pvc", "data", namespace)["status"]["phase"] == "Pending"
