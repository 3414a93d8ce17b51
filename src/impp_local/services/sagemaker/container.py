"""One model container: a child process with limits of memory and time, without credentials and without the project."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from impp_local.kernel.processes import resident
from impp_local.services.sagemaker import worker

TICK_S: Final = 0.05
LOAD_S: Final = 180.0
"""A container must answer /ping within 3 minutes, and an invocation within 1
(https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-invoke.html)."""
INVOKE_S: Final = 60.0
MAX_UNPACKED: Final = 2 * 2**30
"""Bytes of an unpacked artifact; a serverless endpoint has 5 GB of disk in all."""
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")


class Unhealthy(Exception):
    """The container does not start: the reason, with the end of what it printed."""


class ModelFailure(Exception):
    """The container answered with an error, or not at all (`status` 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Container:
    """A running model. Takes one request at a time; `lines` holds what it printed since they were last taken."""

    def __init__(self, artifact: Path, memory_mb: int, environment: Mapping[str, str]) -> None:
        """Unpack `artifact` (`model.tar.gz`) and load the model. Raises Unhealthy."""
        self._folder = Path(tempfile.mkdtemp(prefix="impp-model-"))
        self._memory = memory_mb * 2**20
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            _unpack(artifact, self._folder / "model")
            self._start(environment)
            head, _ = self._receive(time.monotonic() + LOAD_S)
        except (tarfile.TarError, OSError, EOFError, ModelFailure) as error:
            self.close()
            raise Unhealthy(str(error)) from error
        if head["error"]:
            self.close()
            raise Unhealthy(head["error"])

    @property
    def is_alive(self) -> bool:
        """Whether it can take requests."""
        return self._process is not None and self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether it works on a request."""
        return self._lock.locked()

    def invoke(self, body: bytes, content_type: str, accept: str, seconds: float = INVOKE_S) -> tuple[bytes, str]:
        """The model's response and its content type. Raises ModelFailure."""
        with self._lock:
            try:
                self._send({"content_type": content_type, "accept": accept}, body)
                head, answer = self._receive(time.monotonic() + seconds)
            except ModelFailure:
                self.close()
                raise
        if head["error"]:
            raise ModelFailure(500, head["error"])
        return answer, head["content_type"]

    def take_lines(self) -> list[str]:
        """What it printed since the last call."""
        end = self._log.stat().st_size if self._log.exists() else 0
        if end <= self._logged:
            return []
        with self._log.open("rb") as file:
            file.seek(self._logged)
            text = file.read(min(end - self._logged, 1 << 18))
        self._logged += len(text)
        return text.decode("utf-8", "replace").splitlines()

    def close(self) -> None:
        """End the process and remove its files."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._channel.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, environment: Mapping[str, str]) -> None:
        self._log, self._logged = self._folder / "log", 0
        temporary = self._folder / "tmp"
        temporary.mkdir()
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        own = {"SM_MODEL_DIR": str(self._folder / "model"), "TMPDIR": str(temporary), "HOME": str(temporary)}
        self._channel, other = socket.socketpair()
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-I", "-B", worker.__file__, str(other.fileno())],
                    # One thread: a small serverless endpoint has about one core.
                    env={**inherited, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **environment, **own},
                    cwd=temporary,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(other.fileno(),),
                    start_new_session=True,
                )
        finally:
            other.close()

    def _send(self, head: Mapping[str, Any], body: bytes) -> None:
        text = json.dumps({**head, "size": len(body)}).encode()
        self._channel.settimeout(INVOKE_S)
        try:
            self._channel.sendall(len(text).to_bytes(4, "big") + text + body)
        except OSError as error:
            raise ModelFailure(0, "the container has ended") from error

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        size = int.from_bytes(self._read(4, deadline), "big")
        head: dict[str, Any] = json.loads(self._read(size, deadline))
        return head, self._read(head["size"], deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        """So many bytes of the channel; checks memory and time meanwhile. Raises ModelFailure."""
        assert self._process
        read = bytearray()
        while len(read) < size:
            if time.monotonic() > deadline:
                # As AWS words it, by many public logs; its reference lists no messages.
                raise ModelFailure(0, "Your invocation timed out while waiting for a response from container primary.")
            if resident(self._process.pid) > self._memory:
                raise ModelFailure(0, f"the container used more than its {self._memory // 2**20} MB of memory")
            ready, _, _ = select.select([self._channel], [], [], TICK_S)
            if ready:
                chunk = self._channel.recv(min(size - len(read), 1 << 20))
                if not chunk:
                    raise ModelFailure(0, f"the container has ended with code {self._process.wait()}")
                read += chunk
        return bytes(read)


def _unpack(artifact: Path, folder: Path) -> None:
    """Unpack `model.tar.gz`: nothing outside the folder, no devices, no more than :data:`MAX_UNPACKED`."""
    folder.mkdir()
    with tarfile.open(artifact, "r:gz") as archive:
        members, size = [], 0
        for member in archive:
            size += member.size
            if size > MAX_UNPACKED:
                raise tarfile.TarError(f"the artifact unpacks to more than {MAX_UNPACKED} bytes")
            members.append(member)
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, members, filter="data")
        else:
            archive.extractall(folder, [_harmless(member, folder) for member in members])  # noqa: S202


def _harmless(member: tarfile.TarInfo, folder: Path) -> tarfile.TarInfo:
    """The member, without its owner and special bits. Raises TarError for links, devices and paths outside.

    For Python 3.11.0 to 3.11.3, such as Debian 12's, which do not have the filter "data"; can go when they are too old.
    """
    if not (folder / member.name).resolve().is_relative_to(folder.resolve()):
        raise tarfile.TarError(f"{member.name!r} would be extracted outside of the folder")
    if not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"{member.name!r} is a link or a device: this needs Python 3.11.4 or newer")
    member.mode = member.mode & 0o755 | 0o600 | 0o100 * member.isdir()
    member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
    return member
