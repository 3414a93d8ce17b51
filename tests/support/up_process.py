"""A local cloud as a process of its own, that a test can kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from tests.support.paths import REPOSITORY

from impp_local.kernel.defaults import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY


class UpProcess:
    """`python -m impp_local up --state STATE`, listening. Roles need not exist: what survives is tested, not IAM."""

    def __init__(self, state: Path) -> None:
        command = [sys.executable, "-m", "impp_local", "up", "--port", "0", "--no-enforce", "--state", str(state)]
        env = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
        self.process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.endpoint = self.process.stdout.readline().strip()
        assert self.endpoint.startswith("http"), "the local cloud did not start"

    def client(self, service: str) -> Any:
        """A client that does not try again: an answer is an answer."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def kill(self) -> None:
        """End the process as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process as Ctrl-C would."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def up(state: Path) -> Iterator[UpProcess]:
    """A local cloud that is killed when the block ends, unless it has ended before."""
    running = UpProcess(state)
    try:
        yield running
    finally:
        running.kill()
