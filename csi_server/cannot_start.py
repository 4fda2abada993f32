# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the program cannot start."""

from __future__ import annotations


class CannotStart(Exception):
    """What was asked for cannot be served; the text says what to change."""


class BadEndpoint(CannotStart):
    """The endpoint is none that this program serves on."""


class BadCertificate(CannotStart):
    """The files hold no certificate that can be served with."""


class NotInCluster(CannotStart):
    """There is no Kubernetes API to ask, or nothing to ask it with; the text says what is missing."""
