"""One execution environment: a worker process with its limits; Lambda has one per concurrent invocation.

Memory is what the process tree keeps resident (as Lambda's cgroup counts it), not its address space: native libraries
reserve far more than they touch. Lambda freezes an environment between invocations. Here it waits for the next one,
because a stopped process would not notice that the local cloud has died, and would never end.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impp_local.kernel.processes import resident
from impp_local.services.lambda_ import worker

TICK_S: Final = 0.05
"""How often memory and deadline are checked while a function runs."""

FRESH_S: Final = 1.0
SLOW_TICK_S: Final = 0.25
"""After the first second memory is checked less often: most of it is allocated at the start, and what a peak in
between took is known when the function answers."""

INIT_LIMIT_S: Final = 10.0
"""Lambda's own limit for the init phase (Lambda Developer Guide, "Understanding the Lambda execution environment
lifecycle")."""

_SIGNALS: Final = {"SIGKILL": "killed", "SIGSEGV": "segmentation fault", "SIGABRT": "aborted", "SIGTERM": "terminated"}


class WorkerExit(Exception):
    """The worker was killed or ended itself: `kind` and the message are the error that Lambda reports for it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Spec:
    """What an environment needs. `path` are the code's folders, `runtime` those of the runtime's packages."""

    handler: str
    path: tuple[str, ...]
    runtime: tuple[str, ...]
    environment: Mapping[str, str]
    memory_mb: int
    folder: Path


class Sandbox:
    """A worker process. `init_ms` is the time from its start until the handler was loaded."""

    def __init__(self, spec: Spec, timeout_s: float) -> None:
        self.spec = spec
        self.lines: list[str] = []
        self.peak_bytes = 0
        self._partial = b""
        self._closing = threading.Lock()
        """Held while the log pipe is read or closed: a cloud that stops ends sandboxes which others use or end."""
        self._marked: str | None = None
        self._temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=spec.folder))
        self._channel, worker_end = socket.socketpair()
        self._logs, logs = os.pipe()
        os.set_blocking(self._logs, False)
        started = time.monotonic()
        try:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", worker.__file__, str(worker_end.fileno())],
                env={**spec.environment, "TMPDIR": str(self._temporary)},
                cwd=spec.path[0],
                stdin=subprocess.DEVNULL,
                stdout=logs,
                stderr=logs,
                pass_fds=(worker_end.fileno(),),
                start_new_session=True,
            )
        finally:
            worker_end.close()
            os.close(logs)
        try:
            self._send({"path": spec.path, "runtime": spec.runtime, "handler": spec.handler})
            deadline = started + INIT_LIMIT_S + timeout_s
            self.init_error: dict[str, Any] | None = self._receive(deadline, timeout_s)["error"]
        except WorkerExit:
            self.kill()
            raise
        self.init_ms = (time.monotonic() - started) * 1000
        self.is_warm = False

    def invoke(self, request: dict[str, Any], timeout_s: float) -> tuple[str, bool]:
        """The handler's answer as JSON text and whether it is an error. Raises :class:`WorkerExit`.

        What the function printed is in `lines`, its memory so far in `peak_bytes`.
        """
        try:
            self._send(request)
            answer = self._receive(time.monotonic() + timeout_s, timeout_s)
            self._drain(until=request["id"])
        except WorkerExit:
            self.kill()
            raise
        self.is_warm = True
        return str(answer["payload"]), bool(answer["error"])

    def take_lines(self) -> list[str]:
        """The lines printed since the last call."""
        lines, self.lines = self.lines, []
        return lines

    def rss(self) -> int:
        """Resident bytes of the process and its descendants."""
        return sum(resident(pid) for pid in tree(self.process.pid))

    def kill(self) -> None:
        """End the process and its descendants, and remove its temporary files."""
        self._signal(signal.SIGKILL)
        self.process.wait()
        self._channel.close()
        self._read_logs()
        with self._closing:
            if self._logs >= 0:
                os.close(self._logs)
                self._logs = -1
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def _send(self, value: Any) -> None:
        data = json.dumps(value, ensure_ascii=False).encode()
        self._channel.settimeout(30)
        try:
            self._channel.sendall(len(data).to_bytes(4, "big") + data)
        except OSError as error:
            raise self._exit_error() from error

    def _receive(self, deadline: float, timeout_s: float) -> Any:
        """The next frame; checks memory and time meanwhile. Raises :class:`WorkerExit`."""
        read = bytearray()
        started = time.monotonic()
        look = started + TICK_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._logs, selectors.EVENT_READ)
            while True:
                if len(read) >= 4 and len(read) >= (size := 4 + int.from_bytes(read[:4], "big")):
                    self._check_memory(high_water(self.process.pid))
                    return json.loads(read[4:size])
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WorkerExit("Sandbox.Timedout", f"Task timed out after {timeout_s:.2f} seconds")
                try:
                    ready = selector.select(min(TICK_S, left))
                except (OSError, ValueError) as error:  # another thread killed it: the local cloud stops
                    raise self._exit_error() from error
                if time.monotonic() >= look:  # reading /proc costs a millisecond under load
                    self._check_memory(self.rss())
                    look = time.monotonic() + (TICK_S if time.monotonic() - started < FRESH_S else SLOW_TICK_S)
                for key, _ in ready:
                    if key.fileobj is not self._channel:
                        if not self._read_logs():
                            selector.unregister(key.fileobj)
                        continue
                    try:
                        chunk = self._channel.recv(1 << 20)
                    except OSError:
                        chunk = b""
                    if not chunk:
                        raise self._exit_error()
                    read += chunk

    def _check_memory(self, used: int) -> None:
        self.peak_bytes = max(self.peak_bytes, used)
        if self.peak_bytes > self.spec.memory_mb * 1024 * 1024:
            raise WorkerExit("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")

    def _exit_error(self) -> WorkerExit:
        code = self.process.wait()
        if code == 0:
            return WorkerExit("Runtime.ExitError", "Runtime exited without providing a reason")
        name = signal.Signals(-code).name if code < 0 else ""
        how = f"signal: {_SIGNALS.get(name, name)}" if name else f"exit status {code}"
        return WorkerExit("Runtime.ExitError", f"Runtime exited with error: {how}")

    def _drain(self, until: str) -> None:
        """Read the log pipe up to the mark of an invocation; output that a child process holds back is not awaited."""
        deadline = time.monotonic() + 2
        with selectors.DefaultSelector() as selector:
            selector.register(self._logs, selectors.EVENT_READ)
            while self._marked != until and time.monotonic() < deadline:
                if selector.select(TICK_S) and not self._read_logs():
                    return

    def _read_logs(self) -> bool:
        """Read what is in the log pipe; False at its end, or once it is closed."""
        with self._closing:
            while self._logs >= 0:
                try:
                    chunk = os.read(self._logs, 1 << 16)
                except BlockingIOError:
                    return True
                if not chunk:
                    self._take(b"\n" if self._partial else b"")
                    return False
                self._take(chunk)
        return False

    def _take(self, chunk: bytes) -> None:
        *whole, self._partial = (self._partial + chunk).split(b"\n")
        for raw in whole:
            line = raw.decode("utf-8", "replace")
            text, mark, request = line.partition(worker.MARK)
            if mark:
                self._marked = request
            if text or not mark:
                self.lines.append(text)


def tree(pid: int) -> list[int]:
    """A process and all of its descendants."""
    pids = [pid]
    for parent in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208  # Path.glob takes four times as long
                with open(f"/proc/{parent}/task/{thread}/children", "rb") as children:  # noqa: PTH123  # as above
                    pids += map(int, children.read().split())
    return pids


def high_water(pid: int) -> int:
    """The most that a process ever kept resident: a peak between two checks would be missed otherwise."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
