# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StorageClasses that ask for what cannot be: the claim's events say so, and nothing is left in Cinder."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.tests.e2e import objects
from ansible_collections.mooring.storage.tests.e2e.conftest import assert_says


@pytest.fixture
def refusal(namespace, cluster_wide):
    """Claims a volume of a class with the given parameters, and waits for the words of its refusal."""

    def claim(*words, size="1Gi", **parameters):
        cluster_wide(objects.storage_class(namespace, parameters))
        objects.apply(objects.claim(namespace, "bad", namespace, size))
        assert_says(lambda: objects.told(namespace, "ProvisioningFailed"), *words)

    return claim


def test_an_unknown_parameter_is_named_with_the_nearest_known_one(refusal):
    refusal("InvalidArgument", "availabilty is unknown: did you mean availability?", availabilty="az1")


def test_a_volume_type_that_does_not_exist_is_named(refusal):
    refusal("no-such-type", type="no-such-type")


def test_a_zone_that_does_not_exist_is_named(refusal):
    refusal("az9", availability="az9")


def test_a_size_over_the_quota_is_told_in_cinders_words(refusal):
    refusal("ResourceExhausted", "exceeds allowed", size="100Ti", type="fast")
