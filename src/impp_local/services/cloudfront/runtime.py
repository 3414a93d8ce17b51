"""Runs CloudFront Functions in a process of Node.js, which starts with the first of them.

Node is optional: without it, paths with a function are answered with 503, and the message says what is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from impp_local.kernel import children

SCRIPT: Final = Path(__file__).with_name("runtime.js")
PATIENCE_S: Final = 10.0
"""AWS gives a function less than a millisecond of processor time; a busy machine starts Node in seconds."""
MISSING: Final = "This path runs a CloudFront Function, which needs Node.js here: install node, version 18 or newer."


class FunctionError(RuntimeError):
    """A function failed or cannot run; the message says why."""


class Runtime:
    """The process, and one request to it at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def run(
        self, name: str, version: str, code: str, event: Mapping[str, Any], store: Mapping[str, str] | None
    ) -> dict[str, Any]:
        """What the function returns: a request or a response. Raises FunctionError."""
        request = {"name": name, "version": version, "code": code, "event": event, "store": store}
        with self._lock:
            line = self._exchange(json.dumps(request))
        answer = json.loads(line)
        if "error" in answer or not isinstance(answer.get("result"), dict):
            raise FunctionError(f"The CloudFront Function {name} failed: {answer.get('error', 'it returned nothing')}")
        return dict(answer["result"])

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _exchange(self, line: str) -> str:
        process = self._started()
        assert process.stdin and process.stdout
        # A function in an endless loop would hold everybody: its process ends.
        timer = threading.Timer(PATIENCE_S, process.kill)
        timer.start()
        try:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        finally:
            timer.cancel()
        if not answer:
            self._end()
            raise FunctionError(f"The CloudFront Function ended its process, or took {PATIENCE_S:g} s.")
        return answer

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        node = shutil.which("node")
        if node is None:
            raise FunctionError(MISSING)
        self._process = subprocess.Popen(  # noqa: S603  # our own script
            [node, "--experimental-vm-modules", "--no-warnings", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={},
            process_group=children.group(),
        )
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        with self._process:  # closes its pipes and waits
            self._process = None
