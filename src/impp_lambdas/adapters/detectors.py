"""Asks the engines behind the detectors about frames, several at a time, within the function's timeout."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from impp_lambdas.adapters import aws
from impp_lambdas.core.detect.registry import DETECTORS, Detector

WORKERS = 8
"""Concurrent calls. Rekognition's default quota is 5 to 50 per second by region; adaptive retries find the pace."""
PAUSE_S, MAX_PAUSE_S = 5.0, 60.0
"""Pause before throttled calls are repeated while the function may run; doubled each time, with jitter. Concurrent
executions share the quota."""
OUT_OF_TIME = "OutOfTime"
"""The error of a call that did not start before the deadline."""

Call = tuple[float, str]
"""Time of the frame, name of the detector."""


@dataclass
class Answers:
    """What became of the calls: responses, and error codes of the calls without one."""

    responses: dict[Call, Mapping[str, Any]] = field(default_factory=dict)
    errors: dict[Call, str] = field(default_factory=dict)

    def failures(self) -> list[dict[str, Any]]:
        """Calls without a response as `{t, api, error}`, in order of time."""
        return [{"t": t, "api": name, "error": error} for (t, name), error in sorted(self.errors.items())]

    def failure_counts(self) -> dict[str, int]:
        """The number of calls without a response by `detector: error`."""
        return dict(Counter(f"{name}: {error}" for (_, name), error in sorted(self.errors.items())))

    def response_counts(self) -> dict[str, int]:
        """The number of responses by detector, 0 for one of which every call failed."""
        failed = dict.fromkeys((name for _, name in self.errors), 0)
        return failed | Counter(name for _, name in self.responses)


@cache
def rekognition() -> Any:
    """A client that lowers its request rate when Rekognition throttles."""
    config = Config(retries={"mode": "adaptive", "max_attempts": 8}, max_pool_connections=WORKERS, read_timeout=60)
    return boto3.client("rekognition", config=config)


def ask_rekognition(detector: Detector, bucket: str, key: str) -> Mapping[str, Any]:
    """Call one of Rekognition's image APIs about an object."""
    call: Callable[..., Mapping[str, Any]] = getattr(rekognition(), detector.operation)
    return call(Image={"S3Object": {"Bucket": bucket, "Name": key}}, **detector.parameters)


ENGINES: Mapping[str, Callable[[Detector, str, str], Mapping[str, Any]]] = {"rekognition": ask_rekognition}
"""How each engine is asked about the object in a bucket under a key."""


def ask_all(bucket: str, calls: list[tuple[dict[str, Any], str]], seconds_left: Callable[[], float]) -> Answers:
    """Ask detectors about frames `{t, key}`, each named with its frame. Raises the first error if no call has a
    response."""
    answers = Answers()
    raised: list[Exception] = []

    def ask(frame: dict[str, Any], name: str) -> None:
        call = (frame["t"], name)
        if seconds_left() < 0:
            answers.errors.setdefault(call, OUT_OF_TIME)
            return
        detector = DETECTORS[name]
        try:
            answers.responses[call] = ENGINES[detector.engine](detector, bucket, frame["key"])
        except (ClientError, BotoCoreError) as error:
            answers.errors[call] = aws.code(error) if isinstance(error, ClientError) else type(error).__name__
            raised.append(error)

    pause = PAUSE_S
    with ThreadPoolExecutor(WORKERS) as pool:
        while calls:
            list(pool.map(lambda call: ask(*call), calls))
            throttled = {call for call, error_code in answers.errors.items() if aws.is_throttling(error_code)}
            calls = [(frame, name) for frame, name in calls if (frame["t"], name) in throttled]
            if seconds_left() < pause:
                break
            if calls:
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  jitter: others are throttled as well
                pause = min(2 * pause, MAX_PAUSE_S)
                answers.errors = {call: error for call, error in answers.errors.items() if call not in throttled}
    if raised and not answers.responses:
        raise raised[0]
    return answers
