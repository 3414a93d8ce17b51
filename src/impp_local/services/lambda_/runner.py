"""Runs a function once: from its zip, in a warm or new worker, with Lambda's limits, errors, log and bill.

A billed duration includes the init phase, as Lambda bills it since 1 August 2025 for zips on managed runtimes (AWS
Compute Blog, "AWS Lambda standardizes billing for INIT Phase").
"""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from impp_local.kernel import billing
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_local.kernel.functions import Report, Wait
from impp_local.services.lambda_ import code, logs
from impp_local.services.lambda_.pool import Environment, Pool
from impp_local.services.lambda_.sandbox import Sandbox, WorkerExit

PAYLOAD_LIMIT: Final = 6 * 1024 * 1024
"""Bytes of a synchronous request or answer (Lambda quotas: 6 MB)."""

LOG_TAIL_LIMIT: Final = 4096
"""Bytes of the log that Invoke returns (Lambda API Reference, Invoke: "the last 4 KB of the execution log")."""

WORKERS_PER_CORE: Final = 4

WHOLE_CORE_MB: Final = 1769
"""A function with this memory has a whole core on AWS (Lambda Developer Guide, "Configure Lambda function memory"), so
here it waits until it has one: else its billed time would grow with whatever else runs."""


class TooManyRequests(LambdaClientError):
    """The function's reserved concurrency is used up."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class RequestTooLarge(LambdaClientError):
    """The payload is larger than Lambda accepts."""

    code = 413

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "RequestTooLargeException", f"{size} byte payload is too large for the invocation (limit {limit} bytes)"
        )


@dataclass(frozen=True)
class Invocation:
    """One run of a function."""

    function: LambdaFunction
    event: Any
    client_context: Any = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def timeout_s(self) -> float:
        """The function's timeout."""
        return float(self.function.timeout)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the answer or error document as JSON text, and what to log."""

    answer: str
    is_error: bool
    duration_ms: float
    lines: list[str]
    stream: str
    init_ms: float | None = None
    peak_bytes: int = 0


class Runner:
    """Runs invocations, as many at once as there are slots and reserved concurrency allows."""

    def __init__(self, endpoint: str, state: Path, capacity: int | None = None) -> None:
        folder = state / "lambda"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        capacity = capacity or (os.cpu_count() or 1) * WORKERS_PER_CORE
        self.pool = Pool(folder, endpoint, idle_limit=2 * capacity)
        self._slots = threading.BoundedSemaphore(capacity)
        self._cores = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._running: defaultdict[str, int] = defaultdict(int)

    def invoke(
        self,
        function: LambdaFunction,
        payload: bytes,
        *,
        owner: str | None = None,
        client_context: Any = None,
        wait: Wait | None = None,
    ) -> Report:
        """Run the function now and wait for it. Raises LambdaClientError (too large, not JSON, throttled).

        `owner` is the execution that pays when the payload names no asset.
        """
        if len(payload) > PAYLOAD_LIMIT:
            raise RequestTooLarge(len(payload), PAYLOAD_LIMIT)
        event = decode_event(payload)
        with self._concurrency(function), self._capacity_for(function, wait or Wait()):
            report = self._run(Invocation(function, event, client_context))
        _charge(function, report, event, owner)
        return report

    def in_flight(self) -> int:
        """Invocations that run or wait for a worker."""
        with self._lock:
            return sum(self._running.values())

    def close(self) -> None:
        """End all workers."""
        self.pool.close()

    @contextmanager
    def _concurrency(self, function: LambdaFunction) -> Iterator[None]:
        """Count the function as running. Raises TooManyRequests when its reserved concurrency is used up."""
        name = str(function.function_name)
        with self._lock:
            reserved = function.reserved_concurrency
            if reserved is not None and self._running[name] >= int(reserved):
                raise TooManyRequests
            self._running[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[name] -= 1

    @contextmanager
    def _capacity_for(self, function: LambdaFunction, wait: Wait) -> Iterator[None]:
        """Wait until the machine has a worker to spare, and a core for a function that has a whole one.

        None of those invokes another function, so that nobody waits for a core in a circle.
        """
        needed = [self._slots]
        if int(function.memory_size) >= WHOLE_CORE_MB:
            needed.insert(0, self._cores)
        with ExitStack() as held:
            with wait:
                for semaphore in needed:
                    held.enter_context(semaphore)
            yield

    def _run(self, invocation: Invocation) -> Report:
        started = time.monotonic()
        try:
            environment = self.pool.acquire(invocation.function)
        except WorkerExit as cause:
            outcome = _describe_exit(invocation, cause, started, logs.new_stream())
        else:
            sandbox = environment.sandbox
            init_ms = None if sandbox.is_warm else sandbox.init_ms
            handle = self._reject if sandbox.init_error else self._handle
            outcome = replace(handle(invocation, environment), init_ms=init_ms)
        return _report(invocation, outcome)

    def _reject(self, invocation: Invocation, environment: Environment) -> Outcome:
        """The handler could not be loaded, so the environment is of no use."""
        sandbox = environment.sandbox
        error = {**(sandbox.init_error or {}), "requestId": invocation.request_id}
        sandbox.kill()
        self.pool.forget(sandbox)
        lines = [*sandbox.take_lines(), f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
        return Outcome(json.dumps(error), True, 0.0, lines, environment.stream, peak_bytes=sandbox.peak_bytes)

    def _handle(self, invocation: Invocation, environment: Environment) -> Outcome:
        sandbox = environment.sandbox
        started = time.monotonic()
        try:
            answer, is_error = sandbox.invoke(_request(invocation), invocation.timeout_s)
        except WorkerExit as cause:
            self.pool.forget(sandbox)
            return _describe_exit(invocation, cause, started, environment.stream, sandbox)
        duration_ms = (time.monotonic() - started) * 1000
        lines, peak_bytes = sandbox.take_lines(), sandbox.peak_bytes
        self.pool.release(environment)  # from here on another invocation may use it
        if len(answer.encode()) > PAYLOAD_LIMIT:
            limit = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            answer = json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": limit})
            is_error = True
        return Outcome(answer, is_error, duration_ms, lines, environment.stream, peak_bytes=peak_bytes)


def find_function(name: str, qualifier: str | None = None) -> LambdaFunction:
    """moto's function of a name or ARN. Raises moto's UnknownFunctionException."""
    parts = name.split(":")
    if len(parts) == 8:
        name, qualifier = ":".join(parts[:7]), parts[7]
    account, region = (parts[4], parts[3]) if len(parts) >= 7 else (ACCOUNT, REGION)
    return get_backend(account, region).get_function(name, None if qualifier == "$LATEST" else qualifier)


def decode_event(payload: bytes) -> Any:
    """The event of a payload. Raises LambdaClientError when it is not JSON."""
    try:
        return json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise LambdaClientError("InvalidRequestContentException", message) from error


def _request(invocation: Invocation) -> dict[str, Any]:
    """What the worker receives."""
    trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
    return {
        "id": invocation.request_id,
        "arn": invocation.function.function_arn,
        "deadline": time.time() + invocation.timeout_s,
        "event": invocation.event,
        "client": invocation.client_context,
        "trace": trace,
    }


def _describe_exit(
    invocation: Invocation, cause: WorkerExit, started: float, stream: str, sandbox: Sandbox | None = None
) -> Outcome:
    """A worker that was killed or ended itself: the error that Lambda reports for it."""
    message = f"RequestId: {invocation.request_id} Error: {cause}"
    duration_ms = (time.monotonic() - started) * 1000
    lines = sandbox.take_lines() if sandbox else []
    if cause.kind == "Sandbox.Timedout":
        duration_ms = min(duration_ms, invocation.timeout_s * 1000)
        lines.append(f"{logs.timestamp()} {invocation.request_id} {cause}")
    else:
        lines.append(f"{message}\n{cause.kind}")
    answer = json.dumps({"errorType": cause.kind, "errorMessage": message})
    peak_bytes = sandbox.peak_bytes if sandbox else 0
    return Outcome(answer, True, duration_ms, lines, stream, peak_bytes=peak_bytes)


def _report(invocation: Invocation, outcome: Outcome) -> Report:
    """Write the log; return what the invocation returned and used."""
    function = invocation.function
    report = Report(
        request_id=invocation.request_id,
        version=code.version_of(function),
        payload=outcome.answer.encode(),
        error="Unhandled" if outcome.is_error else None,
        duration_ms=outcome.duration_ms,
        billed_ms=math.ceil(outcome.duration_ms + (outcome.init_ms or 0.0)),
        init_ms=outcome.init_ms,
        max_memory_mb=-(-outcome.peak_bytes // 2**20),
    )
    lines = logs.compose(function, report, outcome.lines)
    logs.write(function, outcome.stream, lines)
    return replace(report, log_tail="\n".join(lines).encode()[-LOG_TAIL_LIMIT:])


def _charge(function: LambdaFunction, report: Report, event: Any, owner: str | None) -> None:
    asset = event.get("asset") if isinstance(event, Mapping) else None
    payer = asset if isinstance(asset, str) and asset else owner
    item = "arm64_gb_second" if function.architectures[0] == "arm64" else "x86_gb_second"
    billing.meter("lambda", "request", 1, asset=payer)
    billing.meter("lambda", item, report.billed_ms / 1000 * int(function.memory_size) / 1024, asset=payer)
