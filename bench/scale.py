# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one look, and the driver's ListVolumes, cost as the volumes of a project grow to a thousand.

The volumes are rows in the database of the lab's Cinder, made for the length of the measurement: what
is measured is how long Cinder takes to answer, which does not depend on what the rows stand for.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from string import Template

import own_controller
from lab import LAB, cloud, now

from ansible_collections.mooring.storage.csi_server.block import names
from ansible_collections.mooring.storage.csi_server.proto import csi_pb2 as csi

SIZES = (50, 200, 500, 1000)
LOOKS = 5
MAKE = Template("""
SET @copy = 'bench-scale-copy';
INSERT INTO volumes ($columns) SELECT $values FROM volumes, seq_1_to_$number WHERE id = '$volume';
INSERT INTO volume_metadata (created_at, deleted, volume_id, `key`, value)
 SELECT NOW(), 0, id, '$key', '$value' FROM volumes WHERE display_name = @copy;
""")
CLEAR = """
SET @copy = 'bench-scale-copy';
DELETE FROM volume_metadata WHERE volume_id IN (SELECT id FROM volumes WHERE display_name = @copy);
DELETE FROM volumes WHERE display_name = @copy;
"""
CLUSTER = "bench-scale"
MARK = {names.CLUSTER: CLUSTER}


def measure() -> dict[str, float]:
    """Seconds of one volume's look, of listings of the cluster's volumes and of names, and of ListVolumes."""
    connection = cloud()
    cinder = connection.block_storage
    first = cinder.create_volume(name="bench-scale", size=1, metadata=MARK)
    cinder.wait_for_status(first, "available", failures=["error"], interval=0.5, wait=60)
    figures = {"look_one_s": _median(lambda: cinder.get(f"/volumes/{first.id}"))}
    with contextlib.ExitStack() as made:
        made.callback(cinder.delete_volume, first)
        controller = made.enter_context(own_controller.controller(connection, CLUSTER))
        for size in SIZES:
            print(f"scale: {size} volumes", file=sys.stderr)
            with _copies(first.id, size - 1):
                figures[f"look_{size}_s"] = _median(
                    lambda: cinder.get("/volumes/detail", params={"metadata": str(MARK), "limit": 1000})
                )
                figures[f"names_{size}_s"] = _median(lambda: cinder.get("/volumes", params={"limit": 1000}))
                figures[f"list_volumes_{size}_s"] = _median(
                    lambda: controller.ListVolumes(csi.ListVolumesRequest(), timeout=60)
                )
    return figures


def _median(look: Callable[[], object]) -> float:
    times = []
    for dummy in range(LOOKS):
        start = now()
        look()
        times.append(now() - start)
    return round(statistics.median(times), 3)


@contextlib.contextmanager
def _copies(volume_id: str, number: int) -> Iterator[None]:
    """So many rows like that of a volume."""
    fields = [line.split("\t")[0] for line in _sql("SHOW COLUMNS FROM volumes").splitlines()]
    replaced = {"id": "UUID()", "display_name": "@copy"}
    ((key, value),) = MARK.items()
    words = {
        "volume": volume_id,
        "number": str(number),
        "columns": ", ".join(f"`{name}`" for name in fields),
        "values": ", ".join(replaced.get(name, f"`{name}`") for name in fields),
        "key": key,
        "value": value,
    }
    _sql(MAKE.substitute(words))
    try:
        yield
    finally:
        _sql(CLEAR)


def _sql(statements: str) -> str:
    socket = str(LAB / "run" / "mariadb.sock")
    return subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={socket}", "--skip-column-names", "cinder", "-e", statements],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
