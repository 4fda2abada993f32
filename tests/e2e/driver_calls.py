# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to a driver in the cluster, for what Kubernetes does not ask, or asks with feature gates alone."""

from __future__ import annotations

import json

from ansible_collections.mooring.storage.tests.e2e.objects import Body
from ansible_collections.mooring.storage.tests.lab.kubectl import kubectl

CONTROLLER = "deployment/csi-cinder-controllerplugin"
#: Runs in a driver's container, where its socket is.
_ASK = """
import json, sys, grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi
service, name, request = sys.argv[1:]
method = csi.DESCRIPTOR.services_by_name[service].methods_by_name[name]
asked, answered = (getattr(csi, each.name) for each in (method.input_type, method.output_type))
with grpc.insecure_channel("unix:///csi/csi.sock") as channel:
    call = channel.unary_unary(f"/{method.containing_service.full_name}/{name}", None, answered.FromString)
    answer = call(ParseDict(json.loads(request), asked()).SerializeToString(), timeout=30)
print(json.dumps(MessageToDict(answer)))
"""


def node_driver_on(node: str, name: str = "csi-cinder-nodeplugin") -> str:
    """The pod of a node's driver.

    :param name: of its DaemonSet.
    """
    where = ["-l", f"app={name}", f"--field-selector=spec.nodeName={node}"]
    return kubectl("get", "pods", "-n", "kube-system", *where, "-o", "name").strip()


def ask(driver: str, method: str, **request: object) -> Body:
    """What a driver answers.

    :param driver: its pod, or what its pod is of.
    :param method: such as ``Node.NodeGetInfo``.
    :param request: its fields, in camel case as the answer's are.
    """
    question = ["python3", "-c", _ASK, *method.split("."), json.dumps(request)]
    answer: Body = json.loads(kubectl("exec", "-n", "kube-system", driver, "--", *question))
    return answer
