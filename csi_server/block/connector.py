# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's connector as its id: what a storage back end has to know of a node that no Nova knows.

Only a node's own kubelet may write its CSINode object, which holds the id; so a node cannot pass for
another, and the controller needs nothing else to attach a volume for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

#: What a CSINode object can hold.
LONGEST_ID = 192
#: Fields of os-brick's connector that back ends use, by how they are kept. The system's UUID is none of them:
#: the two drivers of Cinder that look for it do without, and with it an ordinary node's id is too long.
_TEXTS = ("host", "ip", "initiator", "nqn", "platform")
_LISTS = ("wwpns", "wwnns")
_FLAGS = ("multipath", "enforce_multipath")
_FIRST = "host="
#: What Cinder's drivers expect of every connector. An id tells only what is otherwise.
_PLATFORM = {"platform": "x86_64", "os_type": "linux"}


class BadConnector(ValueError):
    """A connector cannot be a node's id, or a node's id is no connector; the text says why."""


def encode(properties: Mapping[str, Any]) -> str:
    """Write a connector as a node's id.

    :param properties: as os-brick's ``get_connector_properties`` gives them.
    :raises BadConnector: it names no host, has no port to storage, or is too long.
    """
    texts = [name for name in _TEXTS if properties.get(name) not in (None, "", _PLATFORM.get(name))]
    pairs = [(name, str(properties[name])) for name in texts]
    pairs += [(name, ",".join(properties[name])) for name in _LISTS if properties.get(name)]
    pairs += [(name, "1") for name in _FLAGS if properties.get(name)]
    if not properties.get("host"):
        raise BadConnector("the connector names no host")
    if not any(properties.get(name) for name in ("initiator", "wwpns", "nqn")):
        raise BadConnector(
            "the node has no way to storage: neither an iSCSI initiator (/etc/iscsi/initiatorname.iscsi), nor"
            " a Fibre Channel port, nor an NVMe host (/etc/nvme/hostnqn)"
        )
    node_id = urlencode(pairs, safe=":/,")
    if len(node_id) > LONGEST_ID:
        raise BadConnector(
            f"the connector takes {len(node_id)} bytes as node id, and Kubernetes keeps {LONGEST_ID}:"
            f" shorten the names in it: {node_id}"
        )
    return node_id


def is_node_id(text: str) -> bool:
    """Say whether a text is a node's id that this module made."""
    return text.startswith(_FIRST)


def decode(node_id: str) -> dict[str, Any]:
    """Read a connector from a node's id.

    :raises BadConnector: it is none.
    """
    pairs = dict(parse_qsl(node_id))
    known = {*_TEXTS, *_LISTS, *_FLAGS}
    if not is_node_id(node_id) or not pairs.get("host") or not known.issuperset(pairs):
        raise BadConnector(
            f"node_id {node_id!r} is no connector such as host=node1&ip=192.0.2.1&initiator=iqn..."
        )
    connector: dict[str, Any] = {**_PLATFORM, **dict.fromkeys(_FLAGS, False)}
    connector |= {name: pairs[name] for name in _TEXTS if name in pairs}
    connector |= {name: pairs[name].split(",") for name in _LISTS if name in pairs}
    connector |= {name: True for name in _FLAGS if name in pairs}
    return connector
