# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes the proof runs on: two that its pods and its volumes can have, else none, and why."""

from __future__ import annotations

import json
import re

import pytest

CLASS = {
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "cinder.csi.openstack.org",
    "reclaimPolicy": "Delete",
}
CHOSEN = re.compile(r'"csi_verify_found": ({.*?})')
TAINT = {"key": "node-role.kubernetes.io/control-plane"}


@pytest.fixture
def prepare(cluster, monkeypatch):
    # So that the result of each task can be read.
    monkeypatch.setenv("ANSIBLE_CALLBACK_RESULT_FORMAT", "json")
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "1")

    def run(*nodes, **variables):
        cluster.holds(CLASS, *(each for node in nodes for each in node))
        return cluster.run(
            "csi_verify", "prepare", csi_verify_begun="1", csi_verify_storage_class="fast", **variables
        )

    return run


def chosen(ran):
    assert ran.returncode == 0, ran.stdout
    return json.loads(CHOSEN.search(ran.stdout)[1])["on"]


def said(ran):
    assert ran.returncode != 0
    return " ".join(ran.stdout.split())


def test_nodes_that_cannot_have_the_pods_or_the_volumes_are_left_out(prepare, a_node):
    ran = prepare(
        a_node("a1", taints=[{**TAINT, "effect": "NoSchedule"}]),
        a_node("a2", taints=[{**TAINT, "effect": "NoExecute"}]),
        a_node("a3", unschedulable=True),
        a_node("a4", ready="Unknown"),
        a_node("a5", driver=None),
        a_node("a6", driver="other.csi.example.org"),
        a_node("b1", taints=[{**TAINT, "effect": "PreferNoSchedule"}]),
        a_node("b2"),
    )
    assert chosen(ran) == ["b1", "b2"]


def test_nodes_are_of_one_zone(prepare, a_node):
    ran = prepare(
        a_node("a1", zone="az1"), a_node("a2", zone="az2"), a_node("a3", zone="az3"), a_node("a4", zone="az2")
    )
    assert chosen(ran) == ["a2", "a4"]


def test_a_zone_that_the_driver_does_not_tell_is_none(prepare, a_node):
    ran = prepare(a_node("a1", zone="az1", tells_zone=False), a_node("a2", zone="az2", tells_zone=False))
    assert chosen(ran) == ["a1", "a2"]


def test_named_nodes_are_taken_in_their_order_and_of_any_zone(prepare, a_node):
    ran = prepare(a_node("a1", zone="az1"), a_node("a2", zone="az2"), csi_verify_nodes=["a2", "a1"])
    assert chosen(ran) == ["a2", "a1"]


def test_without_two_nodes_each_is_named_with_the_reason(prepare, a_node):
    words = said(
        prepare(
            a_node("a1", taints=[{**TAINT, "effect": "NoSchedule"}]),
            a_node("a2", unschedulable=True),
            a_node("a3", ready="False"),
            a_node("a4", driver=None),
            a_node("a5", zone="az1"),
            a_node("a6", zone="az2"),
        )
    )
    assert (
        "a1 has the taint node-role.kubernetes.io/control-plane; a2 is unschedulable; a3 is not Ready;"
        " a4 does not run the driver, as its CSINode says; a5 is the only one in zone az1;"
        " a6 is the only one in zone az2."
    ) in words
    assert (
        "run the driver cinder.csi.openstack.org, in one zone (topology.cinder.csi.openstack.org/zone)"
        in words
    )
    assert "csi_verify_nodes" in words


def test_a_named_node_that_cannot_be_used_is_named_with_the_reason(prepare, a_node):
    words = said(prepare(a_node("a1"), a_node("a2"), csi_verify_nodes=["a1", "a9"]))
    assert "csi_verify_nodes does not name two nodes" in words
    assert "a9 does not exist; a1 is the only one left. Name others." in words


def test_a_cluster_without_nodes(prepare):
    assert "There is no node." in said(prepare())
