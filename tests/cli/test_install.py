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
COMES_WITH = {"botocore": "boto3", "hcl2": "python-hcl2", "lark": "python-hcl2"}
"""Distributions of modules that are not named like them, or come with another one."""


@pytest.mark.parametrize("arguments", ["--help", *(f"{command} --help" for command in COMMANDS)])
def test_the_console_script_explains_itself(arguments: str, tmp_path: Path) -> None:
    module, function = PROJECT["project"]["scripts"]["impp"].split(":")
    (tmp_path / "impp_cli").symlink_to(SOURCES)  # alone, as it is installed
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from {module} import {function}; {function}()"
    result = subprocess.run([sys.executable, "-I", "-c", start, *arguments.split()], capture_output=True, text=True)
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
    named = {COMES_WITH.get(name, name) for name in imported - set(sys.stdlib_module_names) - {"impp_cli"}}
    assert named == {re.split("[><=]", text)[0] for text in PROJECT["project"]["dependencies"]}
