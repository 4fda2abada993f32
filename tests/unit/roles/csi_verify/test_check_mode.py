# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode makes nothing, so it proves nothing, and says so."""

from __future__ import annotations


def test_an_empty_cluster(cluster, in_check_mode):
    ran = cluster.run("csi_verify")
    assert ran.returncode == 0, ran.stdout
    assert "check mode leaves it out" in " ".join(ran.stdout.split())
    assert cluster.objects() == []
