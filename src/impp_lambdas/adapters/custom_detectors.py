"""Asks the endpoints of custom detectors about frames.

A serverless endpoint answers in the response of InvokeEndpoint. An asynchronous one answers by an object in S3, minutes
later if it has scaled to zero: :func:`submit` sends the requests once and stores where the answers will be,
:func:`collect` raises :class:`~.replies.Unfinished` until they are there, and the state machine tries again.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from impp_lambdas.adapters import aws, s3
from impp_lambdas.core import keys
from impp_lambdas.core.detect import custom
from impp_lambdas.core.money.detection import custom_lines
from impp_lambdas.core.money.ledger import merge
from impp_lambdas.core.money.pricing import LedgerLine
from impp_lambdas.core.money.usage import request_lines
from impp_lambdas.core.replies import Unfinished

if TYPE_CHECKING:
    from impp_lambdas.core.detect.custom import CustomDetector
    from impp_lambdas.core.detect.readers import Finding
    from impp_lambdas.core.money.ledger import Lines

WORKERS = 4
"""Concurrent calls per detector; a serverless endpoint throttles beyond its `max_concurrency`."""
READ_TIMEOUT_S = 70
"""A container must respond within 60 s, and botocore's model of InvokeEndpoint advises this socket timeout."""
MAX_PAYLOAD = 4 * 2**20
"""Bytes of a request to a serverless endpoint
(https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-invoke.html)."""
PAUSE_S, MAX_PAUSE_S = 2.0, 30.0
"""Pause before calls that came too early are repeated; doubled each time, with jitter."""
WAIT_S = 30 * 60
"""How long the answers of an asynchronous endpoint are waited for: an instance that scales out from zero needs some
minutes until it serves."""

PAYLOAD_TOO_LARGE, UNREADABLE, FAILED, OUT_OF_TIME = "PayloadTooLarge", "UnreadableAnswer", "ModelFailed", "OutOfTime"


@dataclass
class Look:
    """What one detector answered: findings by time, errors by time, and what it cost."""

    detector: CustomDetector
    findings: dict[float, list[Finding]] = field(default_factory=dict)
    errors: dict[float, str] = field(default_factory=dict)
    seconds: float = 0.0
    data_bytes: int = 0
    gets: int = 0
    puts: int = 0

    def failures(self) -> list[dict[str, Any]]:
        """Frames without an answer as `{t, api, error}`, in order of time."""
        return [{"t": t, "api": self.detector.name, "error": error} for t, error in sorted(self.errors.items())]

    def failure_counts(self) -> dict[str, int]:
        """The number of frames without an answer by `detector: error`."""
        return dict(Counter(f"{self.detector.name}: {error}" for _, error in sorted(self.errors.items())))

    def lines(self) -> list[LedgerLine]:
        """Ledger lines. The seconds are those that the calls took here: InvokeEndpoint reports none, so the line is an
        upper bound by the network's share."""
        lines = custom_lines(self.detector, self.seconds, self.data_bytes)
        return [line for line in [*lines, *request_lines(gets=self.gets, puts=self.puts)] if line.quantity]


@cache
def runtime() -> Any:
    """The process's client of SageMaker Runtime. Two attempts: each one that times out was billed for a minute."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=WORKERS,
        connect_timeout=5,
        read_timeout=READ_TIMEOUT_S,
    )
    return boto3.client("sagemaker-runtime", config=config)


def ask_serverless(
    detector: CustomDetector, bucket: str, frames: Iterable[Mapping[str, Any]], seconds_left: Callable[[], float]
) -> Look:
    """Ask a serverless endpoint about every frame `{t, key}`; throttled calls are repeated while there is time."""
    look = Look(detector)

    def ask(frame: Mapping[str, Any]) -> tuple[float, int, int]:
        """Seconds, bytes and requests to S3 of one frame."""
        t = frame["t"]
        if seconds_left() < 0:
            look.errors[t] = OUT_OF_TIME
            return 0.0, 0, 0
        picture = b"".join(s3.read_all(bucket, frame["key"], None, 1 << 20))
        if len(picture) > MAX_PAYLOAD:
            look.errors[t] = PAYLOAD_TOO_LARGE
            return 0.0, 0, 1
        started = time.perf_counter()
        try:
            answer = runtime().invoke_endpoint(
                EndpointName=detector.endpoint,
                ContentType="image/jpeg",
                Accept="application/json",
                InferenceId=_inference_id(frame),
                Body=picture,
            )
            body = answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            look.errors[t] = aws.code(error) if isinstance(error, ClientError) else type(error).__name__
            return 0.0, 0, 1
        _take(look, t, body)
        return time.perf_counter() - started, len(picture) + len(body), 1

    waiting, pause = list(frames), PAUSE_S
    with ThreadPoolExecutor(WORKERS) as pool:
        while waiting:
            for seconds, size, gets in pool.map(ask, waiting):
                look.seconds += seconds
                look.data_bytes += size
                look.gets += gets
            early = {t for t, error in look.errors.items() if aws.is_throttling(error)}
            waiting = [frame for frame in waiting if frame["t"] in early]
            if not waiting or seconds_left() < pause:
                break
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  jitter: others are throttled as well
            pause = min(2 * pause, MAX_PAUSE_S)
            look.errors = {t: error for t, error in look.errors.items() if t not in early}
    return look


def submit(detector: CustomDetector, bucket: str, asset: str, frames: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Send every frame to an asynchronous endpoint once. Returns the record of the requests, which a retry finds again:
    `{requested_at, requests: [{t, output, failure}], errors: {t: code}}`."""
    key = _record_key(asset, detector)
    try:
        stored: dict[str, Any] = s3.get_json(bucket, key)
    except ClientError as error:
        if aws.code(error) != "NoSuchKey":
            raise
    else:
        return stored
    requests, errors = [], {}
    for frame in frames:
        try:
            answer = runtime().invoke_endpoint_async(
                EndpointName=detector.endpoint,
                ContentType="image/jpeg",
                Accept="application/json",
                InputLocation=f"s3://{bucket}/{frame['key']}",
                InferenceId=_inference_id(frame),
                RequestTTLSeconds=WAIT_S,
            )
        except ClientError as error:
            errors[str(frame["t"])] = aws.code(error)
        else:
            locations = {"output": answer["OutputLocation"], "failure": answer.get("FailureLocation")}
            requests.append({"t": frame["t"], **locations})
    record = {"requested_at": time.time(), "requests": requests, "errors": errors}
    s3.put_json(bucket, key, record)
    return record


def collect(detector: CustomDetector, record: Mapping[str, Any]) -> Look:
    """The answers to the requests of a record. Raises Unfinished while some are missing and may still come."""
    look = Look(detector, puts=1)
    look.errors = {float(t): error for t, error in record["errors"].items()}
    is_late = time.time() > record["requested_at"] + WAIT_S
    for request in record["requests"]:
        t, body = float(request["t"]), _read(request["output"])
        look.gets += 1
        if body is not None:
            look.seconds += detector.seconds_per_frame
            look.data_bytes += len(body)
            _take(look, t, body)
        elif request["failure"] and _read(request["failure"]) is not None:
            look.errors[t] = FAILED
        elif is_late:
            look.errors[t] = OUT_OF_TIME
        else:
            raise Unfinished(f"{detector.name}: not all frames are answered yet")
    return look


def look_at(
    detectors: Iterable[CustomDetector],
    bucket: str,
    asset: str,
    frames: Iterable[Mapping[str, Any]],
    seconds_left: Callable[[], float],
) -> list[Look]:
    """What each detector says about the frames `{t, key, ask}` that name it in `ask`. Raises Unfinished before anything
    is asked that is paid per call."""
    asked = {detector: [frame for frame in frames if detector.name in frame["ask"]] for detector in detectors}
    asynchronous = [detector for detector in asked if detector.kind == custom.ASYNCHRONOUS]
    records = {detector: submit(detector, bucket, asset, asked[detector]) for detector in asynchronous}
    looks = [collect(detector, records[detector]) for detector in asynchronous]
    return looks + [
        ask_serverless(detector, bucket, some, seconds_left)
        for detector, some in asked.items()
        if detector not in asynchronous
    ]


def usage_of_attempts(bucket: str, asset: str) -> Lines:
    """What the attempts cost that ended with Unfinished, and reading it."""
    try:
        stored = s3.get_json(bucket, _attempts_key(asset))
    except ClientError as error:
        if aws.code(error) != "NoSuchKey":
            raise
        return []
    return [*(LedgerLine(**line) for line in stored), *request_lines(gets=1, puts=0)]


def note_attempt(bucket: str, asset: str, usage: Iterable[Mapping[str, Any]]) -> None:
    """Remember what an attempt cost that ends with Unfinished: its result is lost, but not its bill."""
    lines = [LedgerLine(**line) for line in usage]
    lines += [*usage_of_attempts(bucket, asset), *request_lines(gets=0, puts=1)]
    s3.put_json(bucket, _attempts_key(asset), [line.to_dict() for line in merge(lines)])


def findings(looks: Iterable[Look]) -> dict[float, list[Finding]]:
    """All findings by time."""
    merged: dict[float, list[Finding]] = {}
    for look in looks:
        for t, some in look.findings.items():
            merged.setdefault(t, []).extend(some)
    return merged


def _take(look: Look, t: float, body: bytes) -> None:
    try:
        look.findings[t] = custom.read(look.detector, body)
    except custom.UnreadableAnswer as error:
        aws.logger.warning("unreadable answer", extra={"detector": look.detector.name, "reason": str(error)})
        look.errors[t] = UNREADABLE


def _inference_id(frame: Mapping[str, Any]) -> str:
    """Names asset and time, for the endpoint's logs and the local bill; `key` is `work/{asset}/…`."""
    return f"impp-{frame['key'].split('/')[1]}-{round(frame['t'] * 1000):09d}"


def _record_key(asset: str, detector: CustomDetector) -> str:
    return keys.work(asset, f"requests/{detector.name}.json")


def _attempts_key(asset: str) -> str:
    return keys.work(asset, "requests/attempts.json")


def _read(location: str) -> bytes | None:
    """The object at `s3://bucket/key`; None if it does not exist."""
    address = urlparse(location)
    try:
        return b"".join(s3.read_all(address.netloc, address.path.lstrip("/"), None, 1 << 20))
    except ClientError as error:
        if aws.code(error) in ("NoSuchKey", "404"):
            return None
        raise
