"""Packages of npm that tests use, installed once, by `npm ci`, into `${XDG_CACHE_HOME:-~/.cache}/impp/node`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.paths import REPOSITORY

SCRIPTS = REPOSITORY / "tests/support/node"


def installed() -> Path:
    """The folder of the installed packages. Without Node.js the test is skipped, but fails in CI."""
    if not (shutil.which("node") and shutil.which("npm")):
        skip("no Node.js: install node and npm, version 18 or newer, for the tests that use packages of npm")
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "impp" / "node"
    target = cache / hashlib.sha256(lock).hexdigest()[:16]
    with _locked(cache):
        if not target.exists():
            _install(target)
    return target / "node_modules"


def skip(reason: str) -> None:
    """Skip a test for want of a program; in CI, where all of them are, fail it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def _install(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        folder = Path(temporary) / "packages"
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SCRIPTS / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert completed.returncode == 0, f"npm ci failed:\n{completed.stdout}{completed.stderr}"
        folder.rename(target)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
