"""Whole runs: a card, the state of its box, a bucket of a real server, and a proxy between them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.camera_files import movie
from tests.support.edge.cards import PART, noise
from tests.support.edge.proxy import Proxy, proxied
from tests.support.edge.seaweed import ENVIRONMENT, Seaweed
from tests.support.paths import REPOSITORY

from impp_edge.memory import custody

FORK_SERVER = Path(__file__).with_name("fork_server.py")
SMALL_PARTS = f"from impp_edge.run import upload; upload.PART = {PART}"
"""A line of Python at the start of a run."""
LIMIT_S = 120
"""A run that takes longer hangs."""


@dataclass(frozen=True)
class RunResult:
    """Output and exit code of a run."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events printed with ``--json``."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """The last event."""
        return self.events[-1]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        return [event for event in self.events if event["event"] == kind]


class Runs:
    """Starts runs of impp-edge, one at a time, without the cost of starting Python. Their output goes to ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "out", folder / "err"
        self._pid = 0
        self._server = subprocess.Popen(
            [sys.executable, str(FORK_SERVER)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def run(self, *given: Any) -> RunResult:
        """A run to its end; the arguments are those of :meth:`start`."""
        self.start(*given)
        return self.wait()

    def start(self, arguments: list[str], inside: str = SMALL_PARTS, env: dict[str, str] | None = None) -> int:
        """Start a run after the lines of Python ``inside`` and return its process id."""
        request = {
            "arguments": arguments,
            "inside": inside,
            "environment": environment() | (env or {}),
            "out": str(self._out),
            "err": str(self._err),
        }
        assert self._server.stdin
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._pid = self._answer()
        return self._pid

    def wait(self) -> RunResult:
        """Wait for the end of the run."""
        code = self._answer()
        out, err = self._out.read_text(), self._err.read_text()
        assert "Traceback" not in err, err
        return RunResult(code, out, err)

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait()

    def _answer(self) -> int:
        assert self._server.stdout
        if not select.select([self._server.stdout], [], [], LIMIT_S)[0]:
            os.kill(self._pid, signal.SIGKILL)
            raise AssertionError(f"a run hung: {self._out.read_text()[-2000:]}{self._err.read_text()[-2000:]}")
        return int(self._server.stdout.readline())


@contextmanager
def fork_server(folder: Path) -> Iterator[Runs]:
    """Runs whose server ends with the tests."""
    runs = Runs(folder)
    try:
        yield runs
    finally:
        runs.close()


@dataclass
class Box:
    """A box with impp-edge, which ``runs`` run. ``files`` are the expected contents by path below the card."""

    card: Path
    state: Path
    weed: Seaweed
    bucket: str
    proxy: Proxy
    runs: Runs
    files: dict[bytes, bytes] = field(default_factory=dict, repr=False)

    def put(self, name: str | bytes, size: int = 2000, age_s: float = 3600) -> Path:
        """Write a complete, unique clip to the card, last modified ``age_s`` seconds ago."""
        raw = os.fsencode(name)
        content = clip(size, seed=len(self.files))
        path = self.card / os.fsdecode(raw)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        then = time.time() - age_s
        os.utime(path, (then, then))
        self.files[raw] = content
        return path

    def arguments(self, *more: str) -> list[str]:
        """Arguments of a sync of the card; ``more`` overrides earlier ones."""
        where = ["--bucket", self.bucket, "--device", "Blue Car", "--state", str(self.state)]
        return ["sync", str(self.card), *where, "--endpoint-url", self.proxy.endpoint, *more]

    def run(self, *more: str, inside: str = SMALL_PARTS, env: dict[str, str] | None = None) -> RunResult:
        """Run a sync of the card to its end, after the lines of Python ``inside``."""
        return self.runs.run(self.arguments(*more), inside, env)

    def check(self) -> None:
        """The bucket has every file once, bit for bit, with tags and metadata, and nothing else; no upload is open;
        the custody log is intact and has every file."""
        client = self.weed.client
        versions = list(paged(client, "list_object_versions", self.bucket, "Versions"))
        assert len({version["Key"] for version in versions}) == len(versions), "an object was replaced"
        assert not client.list_multipart_uploads(Bucket=self.bucket).get("Uploads"), "an upload was left open"
        seen = set()
        for version in versions:
            answer = client.get_object(Bucket=self.bucket, Key=version["Key"])
            name = unquote(answer["Metadata"]["impp-original-name"], errors="surrogateescape")
            raw = os.fsencode(name)
            assert answer["Body"].read() == self.files[raw], f"{name} has other bytes"
            self._check_labels(version["Key"], answer["Metadata"])
            seen.add(raw)
        assert len(seen) == len(versions), "a file is there twice"
        assert seen == set(self.files), "a file is missing"
        self._check_log({version["Key"] for version in versions})

    def _check_labels(self, key: str, metadata: dict[str, str]) -> None:
        tags = self.weed.client.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        tags_by_name = {tag["Key"]: tag["Value"] for tag in tags}
        assert tags_by_name["impp:source"] == metadata["impp-source"]
        assert tags_by_name["impp:checksum"] == metadata["impp-sha256"]
        assert tags_by_name["impp:timestamp"]
        assert metadata["impp-device"] == "blue-car"

    def _check_log(self, keys: set[str]) -> None:
        checked = custody.check(self.state)
        assert checked.ok, checked
        logged = [json.loads(line) for line in custody.lines(self.state)]
        assert {line["key"] for line in logged if line["event"] in ("uploaded", "there")} == keys


@contextmanager
def box(weed: Seaweed, runs: Runs, folder: Path) -> Iterator[Box]:
    """A box with an empty card and an empty bucket."""
    (folder / "card").mkdir()
    with proxied(weed.port) as proxy:
        bucket = weed.bucket()
        try:
            yield Box(folder / "card", folder / "state", weed, bucket, proxy, runs)
        finally:
            weed.remove(bucket)


def environment() -> dict[str, str]:
    """Environment of a run, without the user's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    return kept | ENVIRONMENT | {"HOME": "/nonexistent", "PYTHONPATH": str(REPOSITORY / "edge")}


def wait_for_end(process: subprocess.Popen[str]) -> RunResult:
    """Wait for the end of a run."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"a run hung: {out[-2000:]}{err[-2000:]}") from None
    assert "Traceback" not in err, err
    return RunResult(process.returncode, out, err)


def clip(size: int, seed: int) -> bytes:
    """A complete movie of about ``size`` bytes."""
    return movie(data=noise(size, seed))


def paged(client: Any, operation: str, bucket: str, what: str) -> Iterator[dict[str, Any]]:
    """All entries of a listing."""
    for page in client.get_paginator(operation).paginate(Bucket=bucket):
        yield from page.get(what, [])
