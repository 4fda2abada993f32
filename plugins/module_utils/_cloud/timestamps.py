# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as OpenStack writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """Read a moment, such as ``2026-11-23T22:10:00.000000``: UTC, even where that is not said."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
