# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connecting this node to storage with os-brick: the only file that imports it, and only when it is used.

os-brick would start its privileged half with sudo; the driver is privileged already, so both halves are
this process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from ..credentials import credentials, hide
from .errors import CommandFailed, DeviceNotReady

T = TypeVar("T")
log = logging.getLogger(__name__)
#: Kinds of connections whose paths multipathd puts together. Those of NVMe are the kernel's.
_MAPPED = frozenset({"iscsi", "iser", "fibre_channel"})
_NO_LUN = -1
#: As shells have it for a program that is not there.
_NOT_RUN = 127
#: Seconds of one program. The kubelet waits no longer for a call, and asks again; os-brick would give most of
#: its programs ten minutes, and would go on waiting for one that does not heed its signal.
LONGEST_RUN = 120.0
#: Seconds for a killed program to be gone. One that waits for a device that does not answer stays.
_BURIAL = 1.0


@dataclass(frozen=True)
class Multipath:
    """Whether volumes are reached over all paths that there are.

    :ivar use: over all of them, through multipathd where that runs.
    :ivar enforce: a node without multipathd does not serve, and no volume is used over one path alone.
    """

    use: bool = False
    enforce: bool = False


def with_own_target(connection: Mapping[str, Any]) -> dict[str, Any]:
    """Name a connection's one iSCSI target as a list of targets.

    Of a connection without such a list, os-brick ends the sessions with whatever was once discovered at the
    portal: those of other volumes, and of the host itself.
    """
    properties = dict(connection)
    if "target_portal" in properties and "target_portals" not in properties:
        properties["target_portals"] = [properties["target_portal"]]
        properties["target_iqns"] = [properties["target_iqn"]]
        properties["target_luns"] = [properties.get("target_lun", 0)]
    return properties


def of_no_disk(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The targets of a connection without its disk.

    To disconnect from that removes no disk, and leaves those targets alone that no disk on this node is of:
    os-brick tells a connection's disk from others by its LUN.
    """
    properties = with_own_target(connection)
    # It would make a LUN of it.
    properties.pop("addressing_mode", None)
    return properties | {"target_luns": [_NO_LUN] * len(properties["target_portals"])}


def device_of(found: Mapping[str, Any], kind: str, multipath: Multipath) -> str:
    """Return the path of the device that os-brick has found.

    Where multipathd makes no map, os-brick takes one of the paths, and says nothing.

    :param kind: Cinder's ``driver_volume_type``.
    :raises DeviceNotReady: it is one path alone, and multipath is enforced.
    """
    path = str(found["path"])
    if multipath.use and kind in _MAPPED and "multipath_id" not in found:
        problem = (
            f"multipathd has made no map of {path}, so that it is one path alone: its find_multipaths and"
            " blacklist (/etc/multipath.conf of the node) say of which disks it does"
        )
        if multipath.enforce:
            raise DeviceNotReady(problem)
        log.warning("%s", problem)
    return path


class OsBrick:
    """This node's connections to storage.

    :param lock_folder: where os-brick keeps the locks that several processes share.
    """

    def __init__(self, lock_folder: str, multipath: Multipath) -> None:
        self._lock_folder = lock_folder
        self._multipath = multipath
        self._ready = False

    def properties(self, host: str, address: str) -> dict[str, Any]:
        """Describe this node to a storage back end: os-brick's connector.

        :param address: the node's address in the storage network.
        :raises CommandFailed: it cannot be found out, or multipath is enforced and does not run.
        """
        self._set_up()
        from os_brick.initiator import connector

        use, enforce = self._multipath.use, self._multipath.enforce
        return self._called(
            "describe this node",
            lambda: dict(connector.get_connector_properties("", address, use, enforce, host=host)),
            {},
        )

    def connect(self, connection: Mapping[str, Any]) -> str:
        """Connect to a volume. Return the path of its device.

        :raises DeviceNotReady: there is no device; it may still come.
        """
        found = self._called(
            "connect to the volume",
            lambda: dict(self._connector(connection).connect_volume(dict(connection))),
            connection,
        )
        return device_of(found, connection["driver_volume_type"], self._multipath)

    def disconnect(self, connection: Mapping[str, Any], path: str) -> None:
        """Write out what is left for the device, remove it, and leave the target if that was its last.

        :param connection: may lack its credentials.
        :param path: the device; empty when there is none to be written out, which nothing can hold up then.
        """
        device = {"path": path} if path else None
        # With multipath, what was discovered at the portal is what has been connected to.
        properties = dict(connection) if self._multipath.use else with_own_target(connection)
        self._called(
            "disconnect from the volume",
            lambda: self._connector(connection).disconnect_volume(properties, device, force=not path),
            connection,
        )
        self._remove_locks(properties)

    def extend(self, connection: Mapping[str, Any]) -> None:
        """Have the kernel see that the volume has grown."""
        self._called(
            "see the volume's new size",
            lambda: self._connector(connection).extend_volume(dict(connection)),
            connection,
        )

    def _remove_locks(self, connection: Mapping[str, Any]) -> None:
        """Remove the lock files that os-brick makes for each target, and leaves."""
        from oslo_concurrency import lockutils

        targets = zip(connection.get("target_portals", ()), connection.get("target_iqns", ()), strict=False)
        for portal, name in targets:
            lockutils.remove_external_lock_file(f"connect_to_iscsi_portal-{portal}-{name}", "os-brick-")

    def _connector(self, connection: Mapping[str, Any]) -> Any:
        self._set_up()
        from os_brick.initiator import connector

        return connector.InitiatorConnector.factory(
            connection["driver_volume_type"], "", use_multipath=self._multipath.use
        )

    def _set_up(self) -> None:
        if self._ready:
            return
        try:
            import os_brick
            from os_brick import privileged
            from oslo_concurrency import lockutils, processutils
            from oslo_config import cfg
        except ImportError as error:
            raise CommandFailed(
                f"os-brick is not installed ({error}): attaching through Cinder needs an image with it"
            ) from error
        cfg.CONF([], project="csi", default_config_files=[], default_config_dirs=[])
        lockutils.set_defaults(self._lock_folder)
        os_brick.setup(cfg.CONF)
        processutils.execute = run_program
        for context in (privileged.default, privileged.brick_privsep_hide_output):
            context.set_client_mode(False)
        self._ready = True

    def _called(self, action: str, call: Callable[[], T], connection: Mapping[str, Any]) -> T:
        self._set_up()
        from os_brick.exception import BrickException
        from oslo_concurrency.processutils import ProcessExecutionError

        secrets = list(credentials(dict(connection)))
        try:
            return call()
        except BrickException as error:
            said = str(error) or type(error).__name__
            raise DeviceNotReady(f"cannot {action}: {hide(said, secrets)}") from None
        except ProcessExecutionError as error:
            # The command may hold a secret, what it says does not: os-brick's own text has both.
            said = (error.stderr or error.stdout or "no message").strip()
            raise CommandFailed(
                f"cannot {action}: exit code {error.exit_code}: {hide(said, secrets)}"
            ) from None


def run_program(*command: str, **options: Any) -> tuple[str, str]:
    """Run a program for os-brick, in the place of oslo.concurrency's ``execute``: same options and results.

    That one runs Python between fork and exec, and beside gRPC's threads such a child crashes now and then.

    :raises oslo_concurrency.processutils.ProcessExecutionError: an exit code that is no answer, or no end
        within LONGEST_RUN.
    """
    accepted = _accepted(options.get("check_exit_code", True))
    for dummy in range(options.get("attempts", 1)):
        process = _started(
            " ".join(command) if options.get("shell") else [str(word) for word in command],
            shell=bool(options.get("shell")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            errors="surrogateescape",
            # Killed together with what it has started.
            start_new_session=True,
        )
        # os-brick's timeout: it kills the process from here.
        options.get("on_execute", _ignore)(process)
        try:
            out, err = process.communicate(options.get("process_input"), timeout=LONGEST_RUN)
        except subprocess.TimeoutExpired:
            _kill(process, command[0].partition(" ")[0])
        finally:
            options.get("on_completion", _ignore)(process)
        if accepted is None or process.returncode in accepted:
            return out, err
    from oslo_concurrency.processutils import ProcessExecutionError

    # The arguments may hold a secret.
    raise ProcessExecutionError(stdout=out, stderr=err, exit_code=process.returncode, cmd=command[0])


def _started(command: str | list[str], **options: Any) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(command, text=True, **options)
    except OSError as error:
        from oslo_concurrency.processutils import ProcessExecutionError

        said = f"cannot run {error.filename}: {error.strerror}"
        raise ProcessExecutionError(stderr=said, exit_code=_NOT_RUN, cmd=error.filename) from error


def _kill(process: subprocess.Popen[str], program: str) -> NoReturn:
    """End a program that takes too long."""
    from oslo_concurrency.processutils import ProcessExecutionError

    os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_BURIAL)
    said = f"{program} did not end within {LONGEST_RUN:g} s and was killed"
    raise ProcessExecutionError(stderr=said, exit_code=-signal.SIGKILL, cmd=program)


def _accepted(wanted: bool | int | Collection[int]) -> Collection[int] | None:
    """The exit codes that are answers; None for all."""
    if isinstance(wanted, bool):
        return (0,) if wanted else None
    return (wanted,) if isinstance(wanted, int) else wanted


def _ignore(process: subprocess.Popen[str]) -> None:
    pass
