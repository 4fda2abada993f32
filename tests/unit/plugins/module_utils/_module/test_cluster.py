# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Kubernetes client raises becomes one of the domain's errors."""

from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.plugins.module_utils._cloud import errors
from ansible_collections.mooring.storage.plugins.module_utils._module.cluster import Cluster
from ansible_collections.mooring.storage.tests.unit.plugins.module_utils._module.api_server import (
    ApiServer,
    Refused,
)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "bad", errors.InvalidRequest),
        (401, "who", errors.Forbidden),
        (403, "persistentvolumeclaims is forbidden", errors.Forbidden),
        (403, "is forbidden: exceeded quota: storage", errors.QuotaExceeded),
        (404, "no such namespace", errors.NotFound),
        (409, "changed", errors.Conflict),
        (422, "spec is immutable", errors.InvalidRequest),
        (429, "slow down", errors.Unavailable),
        (503, "starting", errors.Unavailable),
    ],
)
def test_a_status_is_an_error_in_the_servers_words(status, message, kind):
    server = ApiServer()
    server.refusals["/api/v1/pods"] = Refused(status, message)
    with pytest.raises(
        errors.CloudError, match=rf"cannot list /api/v1/pods: {message} \(HTTP {status}\)"
    ) as raised:
        Cluster(lambda: server).items("/api/v1/pods")
    assert raised.type is kind


def test_not_found_is_a_value_for_a_find_and_a_success_for_a_delete():
    server = ApiServer()
    server.refusals["/api/v1/namespaces/shop"] = Refused(404, "not found")
    cluster = Cluster(lambda: server)
    assert cluster.find("/api/v1/namespaces/shop") is None
    cluster.delete("/api/v1/namespaces/shop", uid="uid-1")


def test_no_answer_is_unavailable():
    urllib3 = pytest.importorskip("urllib3")

    def connect():
        raise urllib3.exceptions.MaxRetryError(None, "/version", "connection refused")

    with pytest.raises(errors.Unavailable, match="cannot connect to the cluster"):
        Cluster(connect)


def test_a_broken_program_is_no_error_of_the_cluster():
    server = ApiServer()
    server.refusals["/api/v1/pods"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        Cluster(lambda: server).items("/api/v1/pods")
