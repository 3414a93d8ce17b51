"""What `pipx install .` installs: the command, its packages and what they import.

The wheel itself is not built here: that would ask a package index for the build backend.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.support.paths import REPOSITORY

from impp_cli.cli import COMMANDS

SOURCES = REPOSITORY / "src" / "impp_cli"
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
OURS = {"impp_cli", "impp_footage", "impp_lambdas"}
COMES_WITH = {"botocore": "boto3", "hcl2": "python-hcl2", "lark": "python-hcl2"}
"""Distributions of modules that are not named like them, or come with another one."""


NOT_INSTALLED = (
    "PIL",
    "av",
    "aws_lambda_powertools",
    "awscrt",
    "jsonschema",
    "moto",
    "numpy",
    "onnxruntime",
    "requests",
)
"""What other parts of the repository import."""


def run_installed(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code with the packages of the wheel, and without those that it does not depend on."""
    (folder / "impp_cli").symlink_to(SOURCES)
    (folder / "impp_footage").symlink_to(REPOSITORY / "edge" / "impp_footage")
    (folder / "impp_lambdas").mkdir()
    for name in ("__init__.py", "core", *(path.name for path in (REPOSITORY / "src" / "impp_lambdas").glob("*.toml"))):
        (folder / "impp_lambdas" / name).symlink_to(REPOSITORY / "src" / "impp_lambdas" / name)
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); sys.modules |= dict.fromkeys({NOT_INSTALLED!r}); {code}"
    return subprocess.run([sys.executable, "-I", "-c", start, *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_every_module_of_the_command_can_be_imported(tmp_path: Path) -> None:
    code = "import importlib, pkgutil, impp_cli; [importlib.import_module(m.name) for m in pkgutil.walk_packages("
    result = run_installed(tmp_path, code + "impp_cli.__path__, 'impp_cli.') if not m.name.endswith('__main__')]")
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["--help", *(f"{command} --help" for command in COMMANDS)])
def test_the_console_script_explains_itself(arguments: str, tmp_path: Path) -> None:
    module, function = PROJECT["project"]["scripts"]["impp"].split(":")
    result = run_installed(tmp_path, f"from {module} import {function}; {function}()", *arguments.split())
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage: ") and not result.stderr


def test_every_folder_is_a_package() -> None:
    assert {path.parent for path in SOURCES.rglob("*.py")} == {path.parent for path in SOURCES.rglob("__init__.py")}


def test_imported_modules_are_dependencies() -> None:
    imported = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    named = {COMES_WITH.get(name, name) for name in imported - set(sys.stdlib_module_names) - OURS}
    assert named == {re.split(r"[><=\[]", text)[0] for text in PROJECT["project"]["dependencies"]}
