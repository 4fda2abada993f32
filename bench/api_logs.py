# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the driver's OpenStack requests in the access logs of the lab's own API servers.

Each log has a JSON object a request; the driver's name itself in the user agent, so that its calls
are told from everybody else's, and from those that Nova makes to Cinder on its behalf.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from lab import LAB

DRIVER = "mooring.storage"
_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")

_CAPACITY = re.compile(r"/(types|os-availability-zone|os-quota-sets/ID|scheduler-stats/get_pools)$")


class ApiLogs:
    """The access logs, from where they ended when the object was made.

    :param files: the service's name and its log.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._starts = {name: path.stat().st_size for name, path in files.items()}

    @classmethod
    def of_the_lab(cls) -> ApiLogs:
        return cls({name: LAB / "log" / f"{name}-api-access.log" for name in ("cinder", "nova")})

    def drivers_calls(self) -> Counter[str]:
        """Return how often the driver sent each request, such as ``cinder GET /v3/volumes/ID``.

        Those for GetCapacity are not among them: the provisioner asks in its own time, not for a volume.
        """
        calls: Counter[str] = Counter()
        for name, path in self._files.items():
            with path.open() as log:
                log.seek(self._starts[name])
                for line in log:
                    request = json.loads(line)
                    if DRIVER in (request["user_agent"] or ""):
                        route = _ID.sub("ID", request["path"].partition("?")[0])
                        if not _CAPACITY.search(route):
                            calls[f"{name} {request['method']} {route}"] += 1
        return calls
