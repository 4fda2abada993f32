# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StorageClasses that ask for what cannot be: the claim's events say so, and nothing is left in Cinder."""

from __future__ import annotations

import json

import pytest

from ansible_collections.mooring.storage.tests.e2e.conftest import becomes
from ansible_collections.mooring.storage.tests.e2e.objects import DRIVER
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl


@pytest.fixture
def refusal(namespace):
    """Claims a volume of a class with the given parameters, and returns the text of the first refusal."""

    def claim(size="1Gi", **parameters):
        objects = [
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": namespace},
                "provisioner": DRIVER,
                "parameters": parameters,
            },
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "bad", "namespace": namespace},
                "spec": {
                    "storageClassName": namespace,
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": size}},
                },
            },
        ]
        kubectl("apply", "-f", "-", given=objects)
        return becomes(lambda: _refusals(namespace))

    yield claim
    kubectl("delete", "storageclass", namespace, "--ignore-not-found")


def _refusals(namespace):
    events = json.loads(kubectl("get", "events", "--namespace", namespace, "-o", "json"))["items"]
    return " ".join(event["message"] for event in events if event["reason"] == "ProvisioningFailed")


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
