# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that the program serves with, from files that may be replaced while it runs."""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc

from ..cannot_start import BadCertificate

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contents:
    """What the files held when they were read.

    :ivar client_ca: authorities of the clients' certificates, empty where clients need none.
    :ivar context: serves with it.
    """

    certificate: bytes
    key: bytes
    client_ca: bytes
    context: ssl.SSLContext


class Certificate:
    """A certificate with its key, read anew for each connection: Kubernetes replaces the files of a Secret.

    Files that cannot be used change nothing: the former ones go on to be served with, and the log says so.

    :param client_ca: authorities of the certificates that clients show; empty for clients that need none.
    :raises BadCertificate: a file cannot be read, or certificate and key do not belong together.
    """

    def __init__(self, certificate: str, key: str, client_ca: str = "") -> None:
        self._certificate = Path(certificate)
        self._key = Path(key)
        self._client_ca = Path(client_ca) if client_ca else None
        self._lock = threading.Lock()
        self._complaint = ""
        self._contents = self._read(None)

    def current(self) -> Contents:
        """The newest contents that can be used."""
        with self._lock:
            try:
                self._contents = self._read(self._contents)
                self._complaint = ""
            except BadCertificate as error:
                if str(error) != self._complaint:
                    self._complaint = str(error)
                    LOG.error("the former certificate stays in use: %s", error)
            return self._contents

    def _read(self, former: Contents | None) -> Contents:
        try:
            certificate, key = self._certificate.read_bytes(), self._key.read_bytes()
            client_ca = self._client_ca.read_bytes() if self._client_ca else b""
            if former and (certificate, key, client_ca) == (former.certificate, former.key, former.client_ca):
                return former
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self._certificate, self._key)
            if self._client_ca:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self._client_ca)
        except OSError as error:
            raise BadCertificate(
                f"certificate {self._certificate}, key {self._key}"
                + (f", client CA {self._client_ca}" if self._client_ca else "")
                + f": {error.strerror or error}"
            ) from error
        return Contents(certificate, key, client_ca, context)


def grpc_credentials(certificate: Certificate) -> grpc.ServerCredentials:
    """Credentials of a gRPC server whose clients show a certificate of the client CA."""

    def configuration() -> grpc.ServerCertificateConfiguration:
        now = certificate.current()
        return grpc.ssl_server_certificate_configuration(
            [(now.key, now.certificate)], root_certificates=now.client_ca
        )

    return grpc.dynamic_ssl_server_credentials(
        configuration(), configuration, require_client_authentication=True
    )
