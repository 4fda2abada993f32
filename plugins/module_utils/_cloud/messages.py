# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cinder: what it says to users of failures that happened after it had taken a request.

Source: Block Storage API v3, "Messages".
"""

from __future__ import annotations

from .api import Api
from .errors import CloudError
from .waiting import Deadline


class Messages:
    """Adapter over Cinder's messages.

    :param api: Cinder, at 3.5 or later.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def reason(self, resource_id: str, deadline: Deadline) -> str:
        """Return the service's newest message for users about an object, empty when there is none."""
        try:
            body = self._api.request(
                "message_list",
                "GET",
                "/messages",
                f"read the messages about {resource_id}",
                deadline,
                params={"resource_uuid": resource_id, "sort": "created_at:desc", "limit": 1},
            )
        except CloudError:
            # The reason is a courtesy: the failure that it explains counts more than this one.
            return ""
        messages = body.get("messages") or []
        return str(messages[0].get("user_message") or "") if messages else ""
