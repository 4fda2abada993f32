# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: the table of docs/architecture.md, read from the sources without running them.

Names of this collection are written without ``ansible_collections.mooring.storage.``. A rule is an
allow-list beside the standard library, so a package that nobody thought of is refused too.
"""

from __future__ import annotations

import ast
import fnmatch
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.mooring.storage"
CLOUD = "plugins.module_utils._cloud"


@dataclass(frozen=True)
class Rule:
    """What the files that match ``files`` may name.

    :ivar may_import: packages that may be imported, beside the standard library.
    :ivar lazily: packages that may be imported inside of a function, or for the types alone.
    :ivar never: modules of the standard library, or names, that may not be used all the same.
    """

    files: str
    may_import: tuple[str, ...]
    lazily: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


MODULE_UTILS_OF_NEIGHBOURS = (
    "ansible_collections.openstack.cloud.plugins.module_utils",
    "ansible_collections.kubernetes.core.plugins.module_utils",
)
DRIVER_PACKAGES = ("csi_server", CLOUD, "grpc", "google.protobuf", "yaml")
# What only the outer rings touch: processes, the environment, the SDK's exceptions, gRPC's codes.
OUTER_RINGS = (
    "subprocess",
    "os.environ",
    "os.getenv",
    "os.system",
    "os.popen",
    "StatusCode",
    "grpc.StatusCode",
    "openstack",
    "keystoneauth1",
)

RULES = (
    Rule(
        "plugins/modules/*.py",
        may_import=("plugins.module_utils", "ansible.module_utils", *MODULE_UTILS_OF_NEIGHBOURS),
    ),
    Rule(
        "plugins/module_utils/_module/*.py",
        may_import=(
            "plugins.module_utils._module",
            CLOUD,
            "ansible.module_utils",
            *MODULE_UTILS_OF_NEIGHBOURS,
        ),
    ),
    Rule(
        "plugins/module_utils/_cloud/sdk.py",
        may_import=(CLOUD,),
        lazily=("openstack", "keystoneauth1", "requests"),
    ),
    Rule("plugins/module_utils/_cloud/*.py", may_import=(CLOUD,)),
    Rule("csi_server/*/controller*.py", may_import=DRIVER_PACKAGES, never=OUTER_RINGS),
    Rule("csi_server/*/node*.py", may_import=DRIVER_PACKAGES, never=OUTER_RINGS),
    Rule(
        "csi_server/host/brick.py",
        may_import=DRIVER_PACKAGES,
        lazily=("os_brick", "oslo_concurrency", "oslo_config"),
    ),
    Rule("csi_server/*.py", may_import=DRIVER_PACKAGES),
)


@dataclass(frozen=True)
class Use:
    """A name that a file imports or reaches through an attribute, in full, and where."""

    name: str
    line: int
    imported: bool
    lazy: bool


def rule_for(path: str) -> Rule | None:
    """The first rule whose pattern fits ``path`` (relative to the checkout, with slashes)."""
    return next((rule for rule in RULES if fnmatch.fnmatchcase(path, rule.files)), None)


def uses_of(path: str, source: str) -> Iterator[Use]:
    """Every name that the file at ``path`` imports, and every dotted name that it reads."""
    package = path.split("/")[:-1]

    def walk(node: ast.AST, lazy: bool) -> Iterator[Use]:
        for name, imported in names_of(node, package):
            yield Use(name.removeprefix(f"{COLLECTION}."), getattr(node, "lineno", 0), imported, lazy)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, lazy or is_lazy(node))

    yield from walk(ast.parse(source), False)


def is_lazy(node: ast.AST) -> bool:
    """Whether what is inside of ``node`` does not run when the file is imported."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def names_of(node: ast.AST, package: list[str]) -> Iterator[tuple[str, bool]]:
    """The full names that one node imports (True) or reads (False)."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, True) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        start = ".".join([*base, *filter(None, [node.module])])
        yield from ((f"{start}.{alias.name}", True) for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "importlib.import_module",
        "import_module",
        "__import__",
    ):
        yield from ((str(word.value), True) for word in node.args[:1] if isinstance(word, ast.Constant))
    elif isinstance(node, ast.Attribute | ast.Name):
        yield ast.unparse(node), False


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def breaches(path: str, source: str) -> list[str]:
    """One sentence for each name that the file at ``path`` may not use; empty without a rule for it."""
    rule = rule_for(path)
    return (
        [] if rule is None else [text for use in uses_of(path, source) if (text := breach(path, rule, use))]
    )


def breach(path: str, rule: Rule, use: Use) -> str:
    where = f"{path}:{use.line}"
    if within(use.name, rule.never):
        return f"{where}: {use.name} is not for this layer"
    if (
        not use.imported
        or within(use.name, rule.may_import)
        or use.name.split(".")[0] in sys.stdlib_module_names
    ):
        return ""
    if within(use.name, rule.lazily):
        return "" if use.lazy else f"{where}: import {use.name} inside of the function that needs it"
    return f"{where}: may not import {use.name}"


def sources() -> list[str]:
    found = [*CHECKOUT.glob("plugins/**/*.py"), *CHECKOUT.glob("csi_server/**/*.py")]
    return sorted(
        path.relative_to(CHECKOUT).as_posix()
        for path in found
        if not path.stem.endswith(("_pb2", "_pb2_grpc"))
    )


@pytest.mark.parametrize("path", sources())
def test_layer_is_kept(path: str) -> None:
    assert breaches(path, (CHECKOUT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.files)
def test_rule_holds_for_some_file(rule: Rule) -> None:
    """A rule for files that were moved away would hold of nothing."""
    assert any(rule_for(path) is rule for path in sources())


def test_a_node_starts_without_the_sdk_and_without_ansible() -> None:
    """What the table cannot see: what the modules that a node runs pull in when they are imported."""
    modules = ["csi_server.program", "csi_server.block.node", "csi_server.block.node_host"]
    lines = [f"import {COLLECTION}.{module}" for module in modules]
    lines += ["import sys", "print(*sorted({'openstack', 'keystoneauth1', 'ansible'} & set(sys.modules)))"]
    answer = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == ""


MODULE = "plugins/modules/volume_qos_spec.py"
FACE = "plugins/module_utils/_module/plan.py"
ADAPTER = f"{CLOUD.replace('.', '/')}/volumes.py"
SDK = f"{CLOUD.replace('.', '/')}/sdk.py"
CONTROLLER = "csi_server/block/controller.py"
NODE = "csi_server/block/node.py"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (MODULE, "import openstack"),
        (MODULE, "from kubernetes.client import ApiClient"),
        (MODULE, "from ansible.plugins.loader import module_loader"),
        (MODULE, "import ansible_collections.community.general.plugins.module_utils.version"),
        (MODULE, "from ...csi_server.config import Config"),
        (FACE, "import grpc"),
        (FACE, "from ...modules import volume_qos_spec"),
        (FACE, "def later():\n    import openstack"),
        (ADAPTER, "from ansible.module_utils.basic import AnsibleModule"),
        (ADAPTER, "import grpc"),
        (ADAPTER, "import kubernetes"),
        (ADAPTER, "from .._module import plan"),
        (ADAPTER, "def connect():\n    import openstack"),
        (ADAPTER, "import importlib\nsdk = importlib.import_module('openstack')"),
        (SDK, "import openstack"),
        (SDK, "if True:\n    from openstack import exceptions"),
        (SDK, "def call():\n    import ansible"),
        ("csi_server/rpc/server.py", "from ansible.module_utils.basic import AnsibleModule"),
        (
            "csi_server/rpc/server.py",
            "import ansible_collections.openstack.cloud.plugins.module_utils.openstack",
        ),
        ("csi_server/rpc/server.py", "from ...plugins.module_utils._module import plan"),
        ("csi_server/__main__.py", "import openstack"),
        ("csi_server/host/mounts.py", "import requests"),
        (CONTROLLER, "import subprocess"),
        (CONTROLLER, "import os\nzone = os.environ['ZONE']"),
        (CONTROLLER, "from os import environ"),
        (CONTROLLER, "import os\nzone = os.getenv('ZONE')"),
        (CONTROLLER, "import grpc\ncode = grpc.StatusCode.OK"),
        (CONTROLLER, "from grpc import StatusCode"),
        (CONTROLLER, "from openstack.exceptions import SDKException"),
        (NODE, "from subprocess import run"),
        (NODE, "import keystoneauth1.exceptions"),
        ("csi_server/share/node.py", "import subprocess"),
    ],
)
def test_breach_is_seen(path: str, source: str) -> None:
    assert len(breaches(path, source)) >= 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (MODULE, "from ..module_utils._module.openstack import Module"),
        (
            MODULE,
            "from ansible_collections.openstack.cloud.plugins.module_utils.openstack import OpenStackModule",
        ),
        (FACE, "from .._cloud.errors import CloudError\nfrom ansible.module_utils.basic import env_fallback"),
        (ADAPTER, "from .errors import NotFound\nimport dataclasses"),
        (SDK, "def connect():\n    import openstack\n    from keystoneauth1 import exceptions"),
        (SDK, "if TYPE_CHECKING:\n    from openstack.connection import Connection"),
        (CONTROLLER, "from ..proto import csi_pb2\nfrom ...plugins.module_utils._cloud.errors import Busy"),
        (CONTROLLER, "import os\npath = os.path.join('a', 'b')"),
        ("csi_server/rpc/status.py", "import grpc\ncode = grpc.StatusCode.OK"),
        ("csi_server/host/commands.py", "import subprocess"),
        ("csi_server/__main__.py", "import os\nzone = os.environ.get('ZONE')"),
        ("bench/cinder.py", "import openstack"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert breaches(path, source) == []
