"""A card, its bucket and its custody log, and changes to them."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
from tests.support.edge.cards import BUCKET, MP4, put

from impp_edge.bucket.aws import endpoint
from impp_edge.bucket.s3 import S3
from impp_edge.check.comparison import Reader, Result, verify
from impp_edge.cli import main
from impp_edge.config import Config
from impp_edge.memory import custody
from impp_edge.memory.state import State
from impp_edge.run import sync

CLIP = "Record/20260115_081502_EF.mp4"
KEY = "originals/dashcam/blue-car/2026/01/15/20260115_081502_EF.mp4"


def upload_files(config: Config, *names: str) -> list[Path]:
    """Put files on the card and upload them one by one: each object carries the hash of the previous log entry."""
    paths = []
    for name in names:
        paths.append(put(config.folders[0].path, name))
        assert sync.run(config).complete
    return paths


def verify_all(config: Config, *below: Path, gone: bool = False, s3: Any = None) -> tuple[Result, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    state, stop = Reader(config.state), threading.Event()
    client = s3 or S3(config.bucket, endpoint_url=config.endpoint_url, stop=stop)
    try:
        result = verify(config, state, client, events.append, stop, below, gone)
    finally:
        state.close()
    return result, [event for event in events if event["event"] == "wrong"]


def call(config: Config, command: str, *args: str) -> click.testing.Result:
    flags = ["--bucket", config.bucket, "--endpoint-url", str(config.endpoint_url), "--state", str(config.state)]
    return click.testing.CliRunner().invoke(main, [command, *flags, *args])


def forge_log(config: Config, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Rewrite the log with an intact chain and update the state, as a forger would."""
    path = config.state / custody.NAME
    head, lines = custody.GENESIS, b""
    for n, entry in enumerate(change([json.loads(line) for line in path.read_text().splitlines()]), 1):
        body = custody.text({**{k: v for k, v in entry.items() if k != "hash"}, "n": n, "prev": head})
        head = hashlib.sha256(body).hexdigest()
        lines += b'%b,"hash":"%b"}\n' % (body[:-1], head.encode())
    path.write_bytes(lines)
    state = State(config.state)
    state.set(custody.KEPT, head)
    state.close()
    assert custody.check(config.state, head).ok


def overwrite_with_same_size_and_time(path: Path, _s3: Any) -> None:
    before = path.stat()
    path.write_bytes(MP4 + bytes(16))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def put_another_version(_path: Path, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x" * 40, ChecksumAlgorithm="CRC64NVME")


def put_same_content(path: Path, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=path.read_bytes(), ChecksumAlgorithm="CRC64NVME")


def replace_with_pipe(path: Path, _s3: Any) -> None:
    path.unlink()
    os.mkfifo(path)


class FixedHead:
    """An S3 client of AWS whose ``head`` is ``answer``."""

    place = endpoint(BUCKET, "us-east-1", None)

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    def head(self, key: str, version: str | None = None) -> Any:
        return self._answer()
