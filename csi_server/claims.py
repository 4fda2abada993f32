# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The annotations of claims, read from the Kubernetes API as the pod's service account.

One GET of one kind of object: a client library would take more memory than all else in this process.
Source: Kubernetes API, "Accessing the API from a Pod", "PersistentVolumeClaim v1".
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..plugins.module_utils._cloud.errors import CloudError, Forbidden, NotFound, Unanswered, Unavailable
from ..plugins.module_utils._cloud.waiting import Deadline
from .cannot_start import NotInCluster

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Seconds for one answer.
TIMEOUT = 10.0
_LARGEST = 4 * 1024**2


@dataclass(frozen=True)
class KubernetesClaims:
    """Claims of the cluster that this pod is in.

    :ivar account: the folder with the service account's ``token`` and ``ca.crt``, which are read anew for
        each request: the kubelet renews them.
    """

    host: str
    port: int
    account: Path = SERVICE_ACCOUNT

    @classmethod
    def of_this_pod(cls) -> KubernetesClaims:
        """Find the API by what the kubelet gives each pod.

        :raises NotInCluster: this is no pod, or it has no service account's token.
        """
        host, port = (os.environ.get(f"KUBERNETES_SERVICE_{what}", "") for what in ("HOST", "PORT"))
        if not (host and port.isdigit()):
            raise NotInCluster(
                "--pvc-annotations needs the Kubernetes API, and KUBERNETES_SERVICE_HOST and _PORT are not"
                " set: run the controller as a pod"
            )
        if not (SERVICE_ACCOUNT / "token").exists():
            raise NotInCluster(
                f"--pvc-annotations needs the pod's service account, and {SERVICE_ACCOUNT}/token is not"
                " there: mount it into the driver's container"
            )
        return cls(host, int(port))

    def annotations(self, namespace: str, name: str, deadline: Deadline) -> Mapping[str, str]:
        """Return a claim's annotations.

        :raises NotFound: there is no such claim.
        :raises Forbidden: the service account may not read claims.
        :raises Unavailable: the API does not answer, or not as it should, or cannot be asked.
        """
        claim = f"claim {namespace}/{name}"
        path = f"/api/v1/namespaces/{quote(namespace, '')}/persistentvolumeclaims/{quote(name, '')}"
        status, body = self._get(path, claim, deadline)
        if status != http.client.OK:
            raise _error(claim, status)
        try:
            return dict(json.loads(body)["metadata"].get("annotations") or {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(f"the Kubernetes API's answer for {claim} cannot be read") from error

    def _get(self, path: str, claim: str, deadline: Deadline) -> tuple[int, bytes]:
        try:
            token = (self.account / "token").read_text(encoding="utf-8").strip()
            trust = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
            timeout = max(0.1, deadline.within(TIMEOUT).left())
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=trust)
            try:
                headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                return response.status, response.read(_LARGEST)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"the Kubernetes API does not answer for {claim}: {error}") from error
        except ValueError:
            # The error's own text holds the token, and so would a traceback.
            raise Unanswered(
                f"{self.account}/token is no token, so the Kubernetes API cannot be asked for {claim}"
            ) from None


def _error(claim: str, status: int) -> CloudError:
    match status:
        case http.client.NOT_FOUND:
            return NotFound(f"{claim} does not exist")
        case http.client.UNAUTHORIZED | http.client.FORBIDDEN:
            return Forbidden(
                f"the driver's service account may not get {claim}, whose annotations --pvc-annotations has"
                " it read: give it a role with get on persistentvolumeclaims"
            )
    return Unavailable(f"the Kubernetes API answered {status} for {claim}")
