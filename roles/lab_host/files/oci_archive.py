# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write an OCI image archive of images that are a few static programs each.

``oci_archive.py IMAGES.json OUT.tar``, where IMAGES.json is a list of
``{"name": REFERENCE, "entrypoint": [WORD...], "files": {PATH: SOURCE}, "links": {PATH: TARGET}}``
with paths relative to the image's root. Format: OCI image layout 1.0, as containerd and buildah read it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

FOLDERS = ("bin", "dev", "etc", "proc", "run", "sys", "tmp", "var")


class Blob(NamedTuple):
    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


def add(archive: tarfile.TarFile, path: str, data: bytes = b"", **attributes: Any) -> None:
    """Add one entry; owner root and time zero, so that equal content gives an equal archive."""
    entry = tarfile.TarInfo(path)
    entry.size = len(data)
    entry.mode = 0o755
    for name, value in attributes.items():
        setattr(entry, name, value)
    archive.addfile(entry, io.BytesIO(data))


def layer(image: dict[str, Any]) -> Blob:
    """The image's only layer. Not compressed: a node that imports it copies instead of inflating."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in FOLDERS:
            add(archive, folder, type=tarfile.DIRTYPE, mode=0o1777 if folder == "tmp" else 0o755)
        for path, source in sorted(image["files"].items()):
            add(archive, path, Path(source).read_bytes())
        for path, target in sorted(image["links"].items()):
            add(archive, path, type=tarfile.SYMTYPE, linkname=target)
    return Blob("application/vnd.oci.image.layer.v1.tar", buffer.getvalue())


def as_json(media_type: str, value: dict[str, Any]) -> Blob:
    return Blob(media_type, json.dumps(value).encode())


def image_blobs(image: dict[str, Any]) -> tuple[Blob, Blob, Blob]:
    """Layer, config and manifest of an image."""
    content = layer(image)
    config = as_json(
        "application/vnd.oci.image.config.v1+json",
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": image["entrypoint"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [content.digest]},
        },
    )
    manifest = as_json(
        "application/vnd.oci.image.manifest.v1+json",
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.descriptor(),
            "layers": [content.descriptor()],
        },
    )
    return content, config, manifest


def write_archive(images: list[dict[str, Any]], out: Path) -> None:
    """Write the archive of all images to *out*; it appears there only when it is whole."""
    partial = out.with_suffix(".new")
    index: list[dict[str, Any]] = []
    written: set[str] = set()
    with tarfile.open(partial, "w") as archive:
        add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        for image in images:
            blobs = image_blobs(image)
            for blob in blobs:
                if blob.digest not in written:
                    written.add(blob.digest)
                    add(archive, "blobs/" + blob.digest.replace(":", "/"), blob.data)
            annotations = {"io.containerd.image.name": image["name"]}
            index.append({**blobs[-1].descriptor(), "annotations": annotations})
        add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": index}).encode())
    os.replace(partial, out)


if __name__ == "__main__":
    write_archive(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
