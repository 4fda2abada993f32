# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StorageClasses that ask for what cannot be: the claim's events say so, and nothing is left in Cinder."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import becomes


@pytest.fixture
def refusal(namespace, cluster_wide):
    """Claims a volume of a class with the given parameters, and returns the text of the first refusal."""

    def claim(size="1Gi", **parameters):
        cluster_wide(objects.storage_class(namespace, parameters))
        objects.apply(objects.claim(namespace, "bad", namespace, size))
        return becomes(lambda: objects.told(namespace, "ProvisioningFailed"))

    return claim


def test_an_unknown_parameter_is_named_with_the_nearest_known_one(refusal):
    text = refusal(availabilty="az1")
    assert "InvalidArgument" in text
    assert "availabilty is unknown: did you mean availability?" in text


def test_a_volume_type_that_does_not_exist_is_named(refusal):
    assert "no-such-type" in refusal(type="no-such-type")


def test_a_zone_that_does_not_exist_is_named(refusal):
    assert "az9" in refusal(availability="az9")


def test_a_size_over_the_quota_is_told_in_cinders_words(refusal):
    text = refusal(size="100Ti", type="fast")
    assert "ResourceExhausted" in text
    assert "exceeds allowed" in text
