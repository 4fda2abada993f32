# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which StorageClass is tested: the one that is named, else the cluster's default one."""

from __future__ import annotations

import pytest

DRIVER = "cinder.csi.openstack.org"


def storage_class(name, default, reclaim_policy="Delete"):
    annotations = {} if default is None else {"storageclass.kubernetes.io/is-default-class": default}
    return {
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": DRIVER,
        "reclaimPolicy": reclaim_policy,
    }


CLASSES = [
    storage_class("archive", "false", "Retain"),
    storage_class("fast", "true"),
    storage_class("slow", None, "Retain"),
]


@pytest.mark.parametrize(
    ("classes", "named", "refusal"),
    [
        (CLASSES, "", ""),
        (CLASSES, "fast", ""),
        (CLASSES, "archive", "has the reclaim policy Retain"),
        (CLASSES, "none", "csi_verify_storage_class: none does not exist"),
        (CLASSES[:1], "", "the default class does not exist"),
    ],
)
def test_the_class_that_is_tested(cluster, a_node, classes, named, refusal):
    cluster.holds(*classes, *a_node("node1"), *a_node("node2"))
    ran = cluster.run(
        "csi_verify",
        "prepare",
        csi_verify_begun="1",
        csi_verify_storage_class=named,
    )
    assert (ran.returncode != 0) == bool(refusal), ran.stdout
    assert refusal in " ".join(ran.stdout.split())
