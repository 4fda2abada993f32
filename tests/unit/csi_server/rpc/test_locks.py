# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mooring.storage.csi_server.rpc.locks import Locks
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import Busy


def test_a_held_key_is_busy_and_others_are_not() -> None:
    locks = Locks()
    with locks.hold("a"):
        with pytest.raises(Busy, match="working on a"), locks.hold("a"):
            pytest.fail("held twice")
        with locks.hold("b"):
            pass


def test_a_failure_frees_the_key() -> None:
    locks = Locks()
    with pytest.raises(ValueError, match="whatever"), locks.hold("a"):
        raise ValueError("whatever")
    with locks.hold("a"):
        pass
