"""Second opinions from npm, each in one process of Node.js: the reference engine of JSONata, and asl-validator.

Step Functions has JSONata 2.0.6 (https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html), so that
version is pinned. The packages are installed once, by `npm ci`, into `${XDG_CACHE_HOME:-~/.cache}/impp/node`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.paths import REPOSITORY

from impp_local.services.stepfunctions import jsonata

SCRIPTS = REPOSITORY / "tests/support/node"
MILLIS = 1_800_000_000_000
"""What the clock shows while expressions are compared, in milliseconds of the epoch."""


def reference_results(evaluations: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """What the reference engine makes of each expression and its variables, in the words of :func:`our_result`."""
    requests = ({"expression": e, "variables": v, "millis": MILLIS} for e, v in evaluations)
    return [_in_words(answer) for answer in _run("evaluate.js", requests)]


def our_result(expression: str, variables: dict[str, Any]) -> str:
    """The value as JSON, or how the sentence of the error goes on."""
    try:
        return _json(jsonata.evaluate(expression, variables, now_ms=MILLIS))
    except jsonata.QueryError as error:
        return str(error)


def asl_errors(definitions: Iterable[dict[str, Any]]) -> list[list[str]]:
    """What asl-validator finds wrong with each definition."""
    return list(_run("validate.js", definitions))


def _in_words(answer: dict[str, Any]) -> str:
    if "value" in answer:
        return _json(answer["value"])
    if "code" in answer:
        return f"threw an error during evaluation. {answer['code']}: {answer['message']}"
    return "returned an unsupported result type." if "type" in answer else "returned nothing (undefined)."


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _run(script: str, requests: Iterable[Any]) -> Iterator[Any]:
    lines = "".join(f"{json.dumps(request)}\n" for request in requests)
    environment = {**os.environ, "NODE_PATH": str(_packages())}
    done = subprocess.run(
        ["node", str(SCRIPTS / script)], input=lines, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return map(json.loads, done.stdout.splitlines())


def _packages() -> Path:
    """The folder of the installed packages. Without Node.js the test is skipped, but fails in CI."""
    if not (shutil.which("node") and shutil.which("npm")):
        reason = "no Node.js: install node and npm, version 18 or newer, to compare Step Functions with a second engine"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "impp" / "node"
    installed = cache / hashlib.sha256(lock).hexdigest()[:16]
    with _locked(cache):
        if not installed.exists():
            _install(installed)
    return installed / "node_modules"


def _install(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as made:
        folder = Path(made) / "packages"
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SCRIPTS / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"npm ci failed:\n{done.stdout}{done.stderr}"
        folder.rename(target)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
