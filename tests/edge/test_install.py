"""What `pipx install ./edge` and the container install: every module, the console script and matching pins.

The wheel itself is not built here: that would ask a package index for the build backend.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from tests.support.paths import REPOSITORY

from impp_edge.cli import COMMANDS

pytestmark = pytest.mark.slow

EDGE: Final = REPOSITORY / "edge"
PROJECT: Final[dict[str, Any]] = tomllib.loads((EDGE / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES: Final = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
TYPES_ONLY: Final = {"_typeshed"}
"""Comes with type checkers, and is imported for them only."""


def test_every_package_is_installed() -> None:
    packages = {".".join(path.parent.relative_to(EDGE).parts) for path in EDGE.glob("impp_*/**/__init__.py")}
    folders = {".".join(path.parent.relative_to(EDGE).parts) for path in EDGE.glob("impp_*/**/*.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages == folders


@pytest.mark.parametrize("arguments", ["--version", "--help", *(f"{command} --help" for command in COMMANDS)])
def test_the_console_script_explains_itself(arguments: str) -> None:
    module, function = PROJECT["project"]["scripts"]["impp-edge"].split(":")
    start = f"import sys; sys.path.insert(0, {str(EDGE)!r}); from {module} import {function}; {function}()"
    result = subprocess.run([sys.executable, "-I", "-c", start, *arguments.split()], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() and not result.stderr


def test_imported_packages_are_dependencies() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in EDGE.glob("impp_*/**/*.py"))
    imported = set(re.findall(r"^ *(?:from|import) (\w+)(?:\.\w+)*(?: import .+| as \w+| *#.*)?$", text, re.MULTILINE))
    assert imported - sys.stdlib_module_names - {"impp_edge", "impp_footage"} - TYPES_ONLY == {
        dependency.name for dependency in DEPENDENCIES
    }


def test_the_container_copies_every_package() -> None:
    text = (EDGE / "Containerfile").read_text(encoding="utf-8")
    copied = set(re.findall(r"^COPY (impp_\w+) /opt/impp-edge/\1$", text, re.MULTILINE))
    assert copied == {path.parent.name for path in EDGE.glob("impp_*/__init__.py")}


def test_the_footage_package_needs_only_the_standard_library() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in EDGE.glob("impp_footage/**/*.py"))
    imported = set(re.findall(r"^ *(?:from|import) (\w+)", text, re.MULTILINE))
    assert imported - sys.stdlib_module_names - TYPES_ONLY == {"impp_footage"}


def test_the_container_pins_are_hashed_and_match_the_dependencies() -> None:
    text = (EDGE / "requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", text, re.MULTILINE))
    hashed = re.findall(r"^([a-z0-9.-]+)==[^\n]+\\\n    --hash=sha256:", text, re.MULTILINE)
    assert hashed == list(pinned)
    for dependency in DEPENDENCIES:
        assert dependency.specifier.contains(pinned[dependency.name]), f"{dependency}: run `make lock`"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    home = tmp_path / "home"
    program = home / ".local" / "bin" / "impp-edge"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    units = shutil.copytree(EDGE / "systemd", tmp_path / "units")
    result = subprocess.run(
        ["systemd-analyze", "--user", "verify", *sorted(map(str, units.iterdir()))],
        env={**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    started = "\n".join(unit.read_text(encoding="utf-8") for unit in units.glob("*.service"))
    assert set(re.findall(r"^ExecStart=%h/\.local/bin/impp-edge (\w+)", started, re.MULTILINE)) == {"sync", "watch"}
