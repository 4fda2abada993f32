# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the connection that openstack.cloud's module base class makes to the APIs of the cloud layer."""

from __future__ import annotations

from typing import Any

from .._cloud.api import Api

#: Seconds for one call where neither the option ``api_timeout`` nor clouds.yaml says.
API_TIMEOUT = 60.0


def block_storage(connection: Any) -> Api:
    """Cinder's API.

    :param connection: an openstacksdk Connection.
    """
    # The SDK authenticates over the session, which without a timeout of its own waits for ever.
    if connection.session.timeout is None:
        connection.session.timeout = API_TIMEOUT
    return Api(lambda: connection.block_storage, microversion="3.0", timeout=connection.session.timeout)
