"""Warm execution environments: one pool per function and configuration, bounded in total."""

from __future__ import annotations

import json
import threading
import time
import uuid
import zipfile
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction

from impp_local.iam import enforcement
from impp_local.kernel.contract import AwsError
from impp_local.services.lambda_ import code, logs
from impp_local.services.lambda_.sandbox import Sandbox, WorkerExit

IDLE_S: Final = 120.0
"""Seconds after which an unused environment ends."""

REAP_S: Final = 5.0
"""How often the pool looks for unused environments."""


@dataclass(frozen=True)
class Environment:
    """A sandbox, the configuration that it runs, and the log stream that its invocations share, as on AWS."""

    key: str
    sandbox: Sandbox
    stream: str


@dataclass(frozen=True)
class _Idle:
    since: float
    environment: Environment


class Pool:
    """Hands out environments and keeps them for the next invocation. Of too many, the longest unused ends."""

    def __init__(self, folder: Path, endpoint: str, idle_limit: int) -> None:
        self.idle_limit = idle_limit
        self._folder = folder
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._idle: defaultdict[str, deque[_Idle]] = defaultdict(deque)
        self._live: set[Sandbox] = set()
        self._init_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._closed = threading.Event()
        threading.Thread(target=self._reap_regularly, name="lambda-reaper", daemon=True).start()

    def acquire(self, function: LambdaFunction) -> Environment:
        """A warm environment, or a new one. Raises :class:`WorkerExit` when its init phase ends the process."""
        key = configuration_key(function)
        return self._take_warm(key) or self._start(function, key)

    def release(self, environment: Environment) -> None:
        """Keep the environment for the next invocation."""
        surplus = environment.sandbox
        with self._lock:
            if not self._closed.is_set():
                self._idle[environment.key].append(_Idle(time.monotonic(), environment))
                waiting = [idle for idle in self._idle.values() if idle]
                if sum(map(len, waiting)) <= self.idle_limit:
                    return
                surplus = min(waiting, key=lambda idle: idle[0].since).popleft().environment.sandbox
                self._live.discard(surplus)
        surplus.kill()

    def forget(self, sandbox: Sandbox) -> None:
        """Drop a sandbox that is dead."""
        with self._lock:
            self._live.discard(sandbox)

    def reap(self, idle_s: float) -> None:
        """End the environments that have been unused for `idle_s` seconds."""
        with self._lock:
            old = []
            for waiting in self._idle.values():
                while waiting and time.monotonic() - waiting[0].since >= idle_s:
                    old.append(waiting.popleft().environment.sandbox)
            self._live.difference_update(old)
        for sandbox in old:
            sandbox.kill()

    def live(self) -> list[Sandbox]:
        """The sandboxes that run, idle ones included."""
        with self._lock:
            return list(self._live)

    def metrics(self) -> dict[str, Any]:
        """``{workers, workers_rss_bytes, cold_starts: {function: {count, init_ms_median, init_ms_max}}}``."""
        live = self.live()
        with self._lock:
            inits = {name: sorted(times) for name, times in self._init_ms.items()}
        return {
            "workers": len(live),
            "workers_rss_bytes": sum(sandbox.rss() for sandbox in live),
            "cold_starts": {
                name: {
                    "count": len(times),
                    "init_ms_median": round(times[len(times) // 2], 1),
                    "init_ms_max": round(times[-1], 1),
                }
                for name, times in sorted(inits.items())
            },
        }

    def close(self) -> None:
        """End all environments."""
        self._closed.set()
        with self._lock:
            live = list(self._live)
            self._live.clear()
            self._idle.clear()
        for sandbox in live:
            sandbox.kill()

    def _take_warm(self, key: str) -> Environment | None:
        with self._lock:
            self._end_outdated(key)
            if not self._idle[key]:
                return None
            environment = self._idle[key].pop().environment
            if environment.sandbox.process.poll() is None:
                return environment
            self._live.discard(environment.sandbox)
            return None

    def _start(self, function: LambdaFunction, key: str) -> Environment:
        try:
            enforcement.assume(function.role, "lambda.amazonaws.com", function.function_name)
        except AwsError as error:
            message = "The role defined for the function cannot be assumed by Lambda."
            raise LambdaClientError("AccessDeniedException", message) from error
        stream = logs.new_stream()
        try:
            spec = code.spec_of(function, self._folder, self._endpoint, logs.group_of(function), stream)
        except zipfile.BadZipFile as error:
            message = "Lambda was not able to unzip the file"
            raise LambdaClientError("InvalidZipFileException", message) from error
        sandbox = Sandbox(spec, float(function.timeout))
        with self._lock:
            self._live.add(sandbox)
            self._init_ms[str(function.function_name)].append(sandbox.init_ms)
        if self._closed.is_set():
            sandbox.kill()
            raise WorkerExit("Runtime.ExitError", "The local cloud was stopped")
        return Environment(key, sandbox, stream)

    def _end_outdated(self, key: str) -> None:
        """End idle environments of an older code or configuration of the function; busy ones end once unused."""
        prefix = key.rsplit("@", 1)[0] + "@"
        for other in [k for k in self._idle if k.startswith(prefix) and k != key]:
            for idle in self._idle.pop(other):
                sandbox = idle.environment.sandbox
                self._live.discard(sandbox)
                threading.Thread(target=sandbox.kill, daemon=True).start()

    def _reap_regularly(self) -> None:
        while not self._closed.wait(REAP_S):
            self.reap(IDLE_S)


def configuration_key(function: LambdaFunction) -> str:
    """Equal for equal code and configuration; the part before "@" is the function and version."""
    parts = [function.code_sha_256, [layer["Arn"] for layer in function.layers], function.environment_vars]
    parts += [function.handler, function.memory_size, function.timeout, function.role, function.run_time]
    digest = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(parts, sort_keys=True, default=str))
    return f"{function.function_arn}@{digest}"
