# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts pip into the virtual environment that runs it, from ensurepip and then from pip's own index.

ansible-test downloads a script for this from a fixed address, which not every network reaches. It takes a
file in its cache instead, and calls it with that script's options: pip's own, requirements,
``--no-setuptools`` and ``--no-wheel``.
"""

from __future__ import annotations

import subprocess
import sys

GET_PIP_ONLY = {"--no-setuptools", "--no-wheel"}

options = [option for option in sys.argv[1:] if option not in GET_PIP_ONLY]
subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True)
subprocess.run([sys.executable, "-m", "pip", "install", "--upgrade", *options], check=True)
