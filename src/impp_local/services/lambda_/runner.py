"""Lambda of the local cloud: functions that Terraform created (moto keeps them) run from their zips in warm workers.

Invoke in its three ways, Lambda's errors, logs, retries of asynchronous invocations with dead letters and destinations,
and the meter: a billed duration counts the init phase too, as Lambda bills it since 1 August 2025 for zips on managed
runtimes (AWS Compute Blog, "AWS Lambda standardizes billing for INIT Phase").
"""

from __future__ import annotations

import base64
import json
import logging
import math
import os
import shutil
import threading
import time
import uuid
import zipfile
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend
from moto.logs.models import logs_backends

from impp_local.kernel import billing, targets
from impp_local.kernel.contract import ACCOUNT, REGION, Cloud
from impp_local.kernel.dispatch import Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.moto import lock_of
from impp_local.services.lambda_ import code
from impp_local.services.lambda_.sandbox import Died, Sandbox, resident

log: Final = logging.getLogger(__name__)

PAYLOAD_LIMIT: Final = 6 * 1024 * 1024
"""Bytes of a synchronous request or answer (Lambda quotas: 6 MB)."""

ASYNC_LIMIT: Final = 1024 * 1024
"""Bytes of an asynchronous request (Lambda quotas: 1 MB since October 2025)."""

RETRY_BASE_S: Final = 1.0
"""Lambda retries an asynchronous invocation after 1 and then 2 minutes; here a minute takes a second."""

WORKERS_PER_CORE: Final = 4
IDLE_S: Final = 120.0


class TooManyRequests(LambdaClientError):
    """The function's reserved concurrency is used up."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class RequestTooLarge(LambdaClientError):
    """The payload is larger than Lambda takes."""

    code = 413

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "RequestTooLargeException", f"{size} byte payload is too large for the invocation (limit {limit} bytes)"
        )


@dataclass(frozen=True)
class Invocation:
    """What Invoke answers. `error` is None, or "Unhandled" and `payload` is the error document then."""

    request_id: str
    payload: bytes
    error: str | None
    log_tail: bytes
    version: str
    duration_ms: float
    billed_ms: int
    init_ms: float | None
    max_memory_mb: int


class Wait:
    """How long an invocation waited for its turn: AWS starts a thousand at once, a laptop does not, and time spent in
    the queue is nobody's time-out."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._total = 0.0

    @property
    def seconds(self) -> float:
        """The sum, what is being waited now included."""
        since = self._since
        return self._total + (time.monotonic() - since if since is not None else 0.0)

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._total, self._since = self.seconds, None


class Runner:
    """Pools of warm sandboxes, one for each function and configuration, bounded in sum."""

    def __init__(self, endpoint: str, state: Path, capacity: int | None = None) -> None:
        self._endpoint = endpoint
        self._root = state / "lambda"
        shutil.rmtree(self._root, ignore_errors=True)
        self._root.mkdir(parents=True)
        capacity = capacity or (os.cpu_count() or 1) * WORKERS_PER_CORE
        self._slots = threading.BoundedSemaphore(capacity)
        self._idle_limit = 2 * capacity
        self._lock = threading.Lock()
        self._idle: defaultdict[str, deque[tuple[float, str, Sandbox]]] = defaultdict(deque)
        self._busy: defaultdict[str, int] = defaultdict(int)
        self._inits: defaultdict[str, list[float]] = defaultdict(list)
        self._live: set[Sandbox] = set()
        self.asynchronous = Dispatcher("lambda-async", workers=8, base=RETRY_BASE_S, cap=60.0)
        self._stop = threading.Event()
        threading.Thread(target=self._reap, name="lambda-reaper", daemon=True).start()

    # --- invoking ---------------------------------------------------------------------------------------------------

    def invoke(
        self,
        function: LambdaFunction,
        payload: bytes,
        *,
        owner: str | None = None,
        client: Any = None,
        wait: Wait | None = None,
    ) -> Invocation:
        """Run the function now and wait for it. Raises LambdaClientError (too large, throttled).

        `owner` is the execution on whose account the charges go when the payload names no asset.
        """
        if len(payload) > PAYLOAD_LIMIT:
            raise RequestTooLarge(len(payload), PAYLOAD_LIMIT)
        try:
            event = json.loads(payload or b"{}")
        except ValueError as error:
            raise LambdaClientError(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from error
        name = str(function.function_name)
        with self._lock:
            reserved = function.reserved_concurrency
            if reserved is not None and self._busy[name] >= int(reserved):
                raise TooManyRequests
            self._busy[name] += 1
        try:
            slots = self._slots
            with wait or Wait():
                slots.acquire()
            try:
                done = self._run(function, event, client)
            finally:
                slots.release()
        finally:
            with self._lock:
                self._busy[name] -= 1
        self._charge(function, done, event, owner)
        return done

    def invoke_async(self, function: LambdaFunction, payload: bytes, owner: str | None = None) -> str:
        """Queue an invocation; retries, dead letter and destinations follow the function's configuration."""
        if len(payload) > ASYNC_LIMIT:
            raise RequestTooLarge(len(payload), ASYNC_LIMIT)
        job = _Asynchronous(self, function, payload, owner)
        config = job.config
        self.asynchronous.deliver(
            job.attempt,
            RetryPolicy(config.get("MaximumRetryAttempts", 2), float(config.get("MaximumEventAgeInSeconds", 21600))),
            job.give_up,
        )
        return job.request_id

    def _run(self, function: LambdaFunction, event: Any, client: Any) -> Invocation:
        request_id = str(uuid.uuid4())
        began = time.monotonic()
        timeout = float(function.timeout)
        group = log_group(function)
        try:
            sandbox, stream = self._acquire(function, group, timeout)
        except Died as died:
            return self._ended(function, request_id, died, began, None, group, new_stream(), None)
        init_ms = None if sandbox.warm else sandbox.init_ms
        began = time.monotonic()
        if sandbox.init_error:
            error = {**sandbox.init_error, "requestId": request_id}
            sandbox.kill()
            self._forget(sandbox)
            lines = [*sandbox.take_lines(), f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
            answer = json.dumps(error)
            return self._finish(function, request_id, answer, True, 0.0, init_ms, sandbox, lines, group, stream)
        request = {
            "id": request_id,
            "arn": function.function_arn,
            "deadline": time.time() + timeout,
            "event": event,
            "client": client,
            "trace": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0",
        }
        try:
            answer, failed = sandbox.invoke(request, timeout)
        except Died as died:
            self._forget(sandbox)
            return self._ended(function, request_id, died, began, init_ms, group, stream, sandbox)
        duration = (time.monotonic() - began) * 1000
        self._release(function, sandbox, stream)
        if len(answer.encode()) > PAYLOAD_LIMIT:
            limit = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            answer = json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": limit})
            failed = True
        lines = sandbox.take_lines()
        return self._finish(function, request_id, answer, failed, duration, init_ms, sandbox, lines, group, stream)

    def _ended(
        self,
        function: LambdaFunction,
        request_id: str,
        died: Died,
        began: float,
        init_ms: float | None,
        group: str,
        stream: str,
        sandbox: Sandbox | None,
    ) -> Invocation:
        """A worker that was killed or ended itself: the error that Lambda makes of it."""
        message = f"RequestId: {request_id} Error: {died}"
        answer = json.dumps({"errorType": died.kind, "errorMessage": message})
        duration = (time.monotonic() - began) * 1000
        lines = sandbox.take_lines() if sandbox else []
        if died.kind == "Sandbox.Timedout":
            duration = min(duration, float(function.timeout) * 1000)
            lines.append(f"{_now()} {request_id} {died}")
        else:
            lines.append(f"{message}\n{died.kind}")
        return self._finish(function, request_id, answer, True, duration, init_ms, sandbox, lines, group, stream)

    def _finish(
        self,
        function: LambdaFunction,
        request_id: str,
        answer: str,
        failed: bool,
        duration: float,
        init_ms: float | None,
        sandbox: Sandbox | None,
        lines: list[str],
        group: str,
        stream: str,
    ) -> Invocation:
        done = Invocation(
            request_id=request_id,
            payload=answer.encode(),
            error="Unhandled" if failed else None,
            log_tail=b"",
            version=code.version_of(function),
            duration_ms=duration,
            billed_ms=math.ceil(duration + (init_ms or 0.0)),
            init_ms=init_ms,
            max_memory_mb=-(-(sandbox.peak_bytes if sandbox else 0) // 2**20),
        )
        if init_ms is not None:
            with self._lock:
                self._inits[str(function.function_name)].append(init_ms)
        text = _log_lines(function, done, lines)
        _write_logs(function, group, stream, text)
        return Invocation(**{**vars(done), "log_tail": "\n".join(text).encode()[-4096:]})

    def _charge(self, function: LambdaFunction, done: Invocation, event: Any, owner: str | None) -> None:
        asset = event.get("asset") if isinstance(event, Mapping) else None
        who = asset if isinstance(asset, str) and asset else owner
        item = "arm64_gb_second" if function.architectures[0] == "arm64" else "x86_gb_second"
        billing.meter("lambda", "request", 1, asset=who)
        billing.meter("lambda", item, done.billed_ms / 1000 * int(function.memory_size) / 1024, asset=who)

    # --- pools ------------------------------------------------------------------------------------------------------

    def _acquire(self, function: LambdaFunction, group: str, timeout: float) -> tuple[Sandbox, str]:
        key = configuration_key(function)
        with self._lock:
            self._discard_outdated(key)
            if self._idle[key]:
                _, stream, sandbox = self._idle[key].pop()
                if sandbox.process.poll() is None:
                    return sandbox, stream
                self._live.discard(sandbox)
        stream = new_stream()
        try:
            spec = code.spec_of(function, self._root, self._endpoint, group, stream)
        except zipfile.BadZipFile as error:
            message = "Lambda was not able to unzip the file"
            raise LambdaClientError("InvalidZipFileException", message) from error
        sandbox = Sandbox(spec, timeout)
        with self._lock:
            self._live.add(sandbox)
        if self._stop.is_set():
            sandbox.kill()
            raise Died("Runtime.ExitError", "The local cloud was stopped")
        return sandbox, stream

    def _release(self, function: LambdaFunction, sandbox: Sandbox, stream: str) -> None:
        """Keep the worker for the next invocation; of too many idle ones, the longest unused ends."""
        ended = sandbox
        with self._lock:
            if not self._stop.is_set():
                self._idle[configuration_key(function)].append((time.monotonic(), stream, sandbox))
                waiting = [pool for pool in self._idle.values() if pool]
                if sum(map(len, waiting)) <= self._idle_limit:
                    return
                ended = min(waiting, key=lambda pool: pool[0][0]).popleft()[2]
                self._live.discard(ended)
        ended.kill()

    def _discard_outdated(self, key: str) -> None:
        """Idle workers of an older code or configuration of this function end; busy ones end unused later."""
        prefix = key.rsplit("@", 1)[0] + "@"
        for other in [k for k in self._idle if k.startswith(prefix) and k != key]:
            for _, _, sandbox in self._idle.pop(other):
                self._live.discard(sandbox)
                threading.Thread(target=sandbox.kill, daemon=True).start()

    def _forget(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._live.discard(sandbox)

    def _reap(self) -> None:
        while not self._stop.wait(5):
            self.reap(IDLE_S)

    def reap(self, idle_s: float) -> None:
        """End the workers that had nothing to do for `idle_s` seconds."""
        with self._lock:
            old = []
            for waiting in self._idle.values():
                while waiting and time.monotonic() - waiting[0][0] >= idle_s:
                    old.append(waiting.popleft()[2])
            self._live.difference_update(old)
        for sandbox in old:
            sandbox.kill()

    # --- looking at it ----------------------------------------------------------------------------------------------

    def in_flight(self) -> int:
        """Invocations that run, asynchronous ones that wait included."""
        with self._lock:
            return sum(self._busy.values()) + self.asynchronous.busy

    def metrics(self) -> dict[str, Any]:
        """``{workers, workers_rss_bytes, cold_starts: {function: {count, init_ms_median, init_ms_max}}}``."""
        with self._lock:
            live = list(self._live)
            inits = {name: sorted(times) for name, times in self._inits.items()}
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
        """End all workers."""
        self._stop.set()
        self.asynchronous.close()
        with self._lock:
            live = list(self._live)
            self._live.clear()
            self._idle.clear()
        for sandbox in live:
            sandbox.kill()


class _Asynchronous:
    """One queued event: its attempts, and what becomes of it in the end."""

    def __init__(self, runner: Runner, function: LambdaFunction, payload: bytes, owner: str | None) -> None:
        self._runner = runner
        self._arn = function.function_arn
        self._payload = payload
        self._owner = owner
        self._last: Invocation | None = None
        self._count = 0
        self.request_id = str(uuid.uuid4())
        self.config: Mapping[str, Any] = next((c.config for c in function.event_invoke_config), {})

    def _function(self) -> LambdaFunction:
        return find(self._arn)

    def attempt(self) -> None:
        """Invoke once. Raises :class:`Undeliverable` when the function failed."""
        self._count += 1
        try:
            self._last = self._runner.invoke(self._function(), self._payload, owner=self._owner)
        except LambdaClientError as error:
            throttled = isinstance(error, TooManyRequests)
            raise Undeliverable(str(error.error_type), error.message, retry=throttled) from error
        if self._last.error:
            raise Undeliverable("Unhandled", _error_text(self._last.payload))
        self._report("OnSuccess", "Success")

    def give_up(self, failure: Failure) -> None:
        """All attempts failed: the dead-letter queue or topic, and the destination for failures."""
        function = self._function()
        log.warning("Gave up on an event of %s: %s", function.function_name, failure.message)
        letter = getattr(function, "dead_letter_arn", None)
        text = self._payload.decode()
        try:
            if letter and letter.split(":")[2] == "sqs":
                attributes = {
                    "RequestID": ("String", self.request_id),
                    "ErrorCode": ("Number", "200"),
                    "ErrorMessage": ("String", failure.message[:1024]),
                }
                targets.dead_letter(letter, text, attributes)
            elif letter:
                targets.send({"Arn": letter}, text)
        except Undeliverable as error:
            log.error("The dead letter of %s is lost: %s", function.function_name, error)
        expired = failure.exhausted == "MaximumEventAgeInSeconds"
        self._report("OnFailure", "EventAgeExceeded" if expired else "RetriesExhausted")

    def _report(self, which: str, condition: str) -> None:
        """The invocation record for a destination, as the Lambda Developer Guide shows it."""
        destination = ((self.config.get("DestinationConfig") or {}).get(which) or {}).get("Destination")
        if not destination:
            return
        last = self._last
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": _now(),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": f"{self._arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": self._count,
            },
            "requestPayload": json.loads(self._payload or b"{}"),
        }
        if last:
            context = {"statusCode": 200, "executedVersion": last.version}
            record["responseContext"] = context | ({"functionError": last.error} if last.error else {})
            record["responsePayload"] = json.loads(last.payload)
        try:
            targets.send({"Arn": destination}, json.dumps(record))
        except Undeliverable as error:
            log.error("The destination %s of %s cannot be reached: %s", destination, self._arn, error)


def _error_text(payload: bytes) -> str:
    try:
        return str(json.loads(payload).get("errorMessage"))
    except (ValueError, AttributeError):
        return payload.decode("utf-8", "replace")


def configuration_key(function: LambdaFunction) -> str:
    """Equal for equal code and configuration; what stands before "@" is the function and version."""
    parts = [function.code_sha_256, [layer["Arn"] for layer in function.layers], function.environment_vars]
    parts += [function.handler, function.memory_size, function.timeout, function.role, function.run_time]
    digest = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(parts, sort_keys=True, default=str))
    return f"{function.function_arn}@{digest}"


def log_group(function: LambdaFunction) -> str:
    """Where the function logs: its LoggingConfig's group, or ``/aws/lambda/<name>``."""
    configured = (getattr(function, "logging_config", None) or {}).get("LogGroup")
    return str(configured or f"/aws/lambda/{function.function_name}")


def new_stream() -> str:
    """The log stream of a new execution environment."""
    return f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _log_lines(function: LambdaFunction, done: Invocation, printed: list[str]) -> list[str]:
    """The function's own lines between Lambda's START, END and REPORT (JSON when the function logs JSON)."""
    memory = int(function.memory_size)
    if (getattr(function, "logging_config", None) or {}).get("LogFormat") == "JSON":
        metrics = {"durationMs": round(done.duration_ms, 3), "billedDurationMs": done.billed_ms, "memorySizeMB": memory}
        metrics["maxMemoryUsedMB"] = done.max_memory_mb
        if done.init_ms is not None:
            metrics["initDurationMs"] = round(done.init_ms, 3)
        status = {"requestId": done.request_id, "status": "error" if done.error else "success", "metrics": metrics}
        start = {"requestId": done.request_id, "version": done.version}
        return [
            json.dumps({"time": _now(), "type": "platform.start", "record": start}),
            *printed,
            json.dumps({"time": _now(), "type": "platform.report", "record": status}),
        ]
    init = f"\tInit Duration: {done.init_ms:.2f} ms" if done.init_ms is not None else ""
    return [
        f"START RequestId: {done.request_id} Version: {done.version}",
        *printed,
        f"END RequestId: {done.request_id}",
        f"REPORT RequestId: {done.request_id}\tDuration: {done.duration_ms:.2f} ms\t"
        f"Billed Duration: {done.billed_ms} ms\tMemory Size: {memory} MB\t"
        f"Max Memory Used: {done.max_memory_mb} MB{init}",
    ]


def _write_logs(function: LambdaFunction, group: str, stream: str, lines: list[str]) -> None:
    now = int(time.time() * 1000)
    with lock_of("logs"):
        backend = logs_backends[function.account_id][function.region]
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        backend.put_log_events(group, stream, [{"timestamp": now, "message": line} for line in lines])
    billing.meter("cloudwatch", "logs_ingest", sum(len(line.encode()) + 26 for line in lines) / 1e9)


# --- the one runner of this process ---------------------------------------------------------------------------------

_runner: Runner | None = None


def start(cloud: Cloud) -> None:
    """Make the runner and put it in the place of moto's own (Docker) one."""
    global _runner
    stop()
    _runner = Runner(cloud.endpoint, cloud.state)
    from impp_local.services.lambda_ import api

    api.install()


def stop() -> None:
    """End all workers."""
    global _runner
    if _runner:
        _runner.close()
    _runner = None


def runner() -> Runner:
    """The runner. Raises RuntimeError when the local cloud is not up."""
    if _runner is None:
        raise RuntimeError("The local cloud is not up")
    return _runner


def find(name: str, qualifier: str | None = None) -> LambdaFunction:
    """The function of a name or ARN. Raises moto's UnknownFunctionException."""
    parts = name.split(":")
    if len(parts) == 8:
        name, qualifier = ":".join(parts[:7]), parts[7]
    account, region = (parts[4], parts[3]) if len(parts) >= 7 else (ACCOUNT, REGION)
    return get_backend(account, region).get_function(name, None if qualifier == "$LATEST" else qualifier)


def invoke(
    name: str, payload: bytes, *, qualifier: str | None = None, owner: str | None = None, wait: Wait | None = None
) -> Invocation:
    """Invoke a function by name or ARN and wait; `wait` tells meanwhile how long it has been queued for a worker.

    Raises moto's LambdaClientError family.
    """
    return runner().invoke(find(name, qualifier), payload, owner=owner, wait=wait)


def invoke_async(name: str, payload: bytes, *, qualifier: str | None = None, owner: str | None = None) -> str:
    """Queue an event for a function; returns the request id. Raises moto's LambdaClientError family."""
    return runner().invoke_async(find(name, qualifier), payload, owner)


def in_flight() -> int:
    """Invocations that run or wait."""
    return _runner.in_flight() if _runner else 0


def metrics() -> dict[str, Any]:
    """See :meth:`Runner.metrics`."""
    return _runner.metrics() if _runner else {"workers": 0, "workers_rss_bytes": 0, "cold_starts": {}}


def rss(pid: int | str) -> int:
    """Resident bytes of a process ("self": this one)."""
    return resident(pid)


def encode_tail(done: Invocation) -> str:
    """The log tail as the header X-Amz-Log-Result carries it."""
    return base64.b64encode(done.log_tail).decode()


principal_of: Final[Callable[[str], str | None]] = code.principal_of
"""The role ARN behind an access key id that a worker was given, or None."""
