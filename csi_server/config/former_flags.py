# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of cloud-provider-openstack that mean nothing here: taken, so that its manifests start this driver.

Each is named in the log once, with the reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

_NO_KUBERNETES = (
    "the Kubernetes API is asked as the pod's own service account, and only for --pvc-annotations"
)
_NODE_ID = "a node learns its id by --node-id-sources; --node-id sets it"
_LOG = "the log goes to standard error; see --log-format and --log-level"

#: Flags with a value, and why it is not used.
WITH_VALUE = {
    "nodeid": _NODE_ID,
    "master": _NO_KUBERNETES,
    "kubeconfig": _NO_KUBERNETES,
    "kube-api-qps": _NO_KUBERNETES,
    "kube-api-burst": _NO_KUBERNETES,
    "min-resync-period": _NO_KUBERNETES,
    "stderrthreshold": _LOG,
    "log-dir": _LOG,
    "log-file": _LOG,
    "log-file-max-size": _LOG,
    "log-backtrace-at": _LOG,
    "log-flush-frequency": _LOG,
    "vmodule": _LOG,
}
#: Switches, and why they are not used.
SWITCHES = {
    "node-service-no-os-client": "no node talks to OpenStack",
    "logtostderr": _LOG,
    "alsologtostderr": _LOG,
    "add-dir-header": _LOG,
    "one-output": _LOG,
    "skip-headers": _LOG,
    "skip-log-headers": _LOG,
}


class Noted(argparse.Action):
    """Keeps what was given and has no effect: a list of flags with the reason."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        flag = (option_string or "").lstrip("-").replace("_", "-")
        namespace.without_effect = [
            *namespace.without_effect,
            (f"--{flag}", {**WITH_VALUE, **SWITCHES}[flag]),
        ]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Take them; ``without_effect`` holds those that were given, with the reasons."""
    parser.set_defaults(without_effect=[])
    for name in WITH_VALUE:
        parser.add_argument(*_spellings(name), action=Noted, dest="without_effect", help=argparse.SUPPRESS)
    for name in SWITCHES:
        parser.add_argument(
            *_spellings(name), action=Noted, dest="without_effect", nargs="?", help=argparse.SUPPRESS
        )


def without_program(arguments: Sequence[str]) -> Sequence[str]:
    """Leave out the program's path, with which the arguments in its manifests begin."""
    return arguments[1:] if arguments[:1] == ["/bin/cinder-csi-plugin"] else arguments


def _spellings(name: str) -> list[str]:
    """A flag as it is, and as klog writes it."""
    return list(dict.fromkeys((f"--{name}", f"--{name.replace('-', '_')}")))
