# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes beside others or apart from them, as annotations of their claims say."""

from __future__ import annotations

import grpc
import pytest

from ansible_collections.mooring.storage.csi_server.block import names

from ..conftest import AnnotatedClaims, Driver
from ..fake_cloud import Failure
from .test_controller import create, refused

OF_THE_CLAIM = {names.CLAIM_NAMESPACE: "apps", names.CLAIM_NAME: "data"}


def test_names_and_ids_become_hints(driver: Driver, claims: AnnotatedClaims) -> None:
    one, two = (driver.cloud.add_volume(name=name)["id"] for name in ("pvc-one", "pvc-two"))
    annotations = {names.AFFINITY: one, names.ANTI_AFFINITY: f" pvc-two, {one},"}
    claims.known["apps", "data"] = {**annotations, "unrelated": "true"}
    made = create(driver, parameters=OF_THE_CLAIM)
    hints = driver.cloud.volumes[made.volume_id]["hints"]
    assert hints == {"same_host": [one], "different_host": [two, one]}
    assert dict(made.volume_context) == annotations


def test_a_claim_without_annotations_has_none(driver: Driver, claims: AnnotatedClaims) -> None:
    made = create(driver, parameters=OF_THE_CLAIM)
    assert driver.cloud.volumes[made.volume_id]["hints"] is None
    assert dict(made.volume_context) == {}


def test_a_call_that_names_no_claim_asks_for_none(driver: Driver) -> None:
    assert create(driver).volume_id


@pytest.mark.parametrize("key", [names.AFFINITY, names.ANTI_AFFINITY])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("pvc-none", "there is no such volume"),
        ("7ac4a6ec-0000-4000-8000-000000000001", "there is no such volume"),
        ("pvc-twice", "2 volumes are named so: give an id"),
        ("../volumes", "there is no such volume"),
    ],
)
def test_what_does_not_name_one_volume_is_refused_and_makes_none(
    driver: Driver, claims: AnnotatedClaims, key: str, value: str, words: str
) -> None:
    for dummy in range(2):
        driver.cloud.add_volume(name="pvc-twice")
    claims.known["apps", "data"] = {key: value}
    refused(
        lambda: create(driver, parameters=OF_THE_CLAIM),
        grpc.StatusCode.INVALID_ARGUMENT,
        key,
        repr(value),
        words,
    )
    assert len(driver.cloud.volumes) == 2


def test_a_volume_is_found_again_when_its_claim_is_gone(driver: Driver, claims: AnnotatedClaims) -> None:
    made = create(driver, parameters=OF_THE_CLAIM)
    claims.gone.add(("apps", "data"))
    # A final error would leave the volume behind: nobody asks for the deletion of what was never made.
    assert create(driver, parameters=OF_THE_CLAIM).volume_id == made.volume_id
    refused(lambda: create(driver, "pvc-2", parameters=OF_THE_CLAIM), grpc.StatusCode.NOT_FOUND, "apps/data")
    assert list(driver.cloud.volumes) == [made.volume_id]


def test_a_volume_that_may_still_come_is_not_given_up_for_its_claim(
    driver: Driver, claims: AnnotatedClaims
) -> None:
    driver.cloud.failures.append(Failure("POST /volumes", 504))
    refused(lambda: create(driver, parameters=OF_THE_CLAIM), grpc.StatusCode.UNAVAILABLE)
    claims.gone.add(("apps", "data"))
    refused(lambda: create(driver, parameters=OF_THE_CLAIM), grpc.StatusCode.ABORTED, "was lost")


def test_a_volume_is_found_again_when_its_neighbour_is_gone(driver: Driver, claims: AnnotatedClaims) -> None:
    one = driver.cloud.add_volume(name="pvc-one")["id"]
    claims.known["apps", "data"] = {names.AFFINITY: one}
    made = create(driver, parameters=OF_THE_CLAIM)
    del driver.cloud.volumes[one]
    assert create(driver, parameters=OF_THE_CLAIM).volume_id == made.volume_id
