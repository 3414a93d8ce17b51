"""Analyze: ask Rekognition's image APIs about the sampled frames and merge the answers to a timeline.

In ``{asset, frames, facts, plan}``; out ``{status, analysis, labels, moderation, text, faces, asked, failed, usage}``.
``failed`` counts the calls that got no answer after all retries, by API and error; only when every call failed is that
an error. Where there are no frames (sound alone, or sampling failed) the status is ``skipped`` with a reason.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from impp_lambdas.adapters import aws
from impp_lambdas.core import keys
from impp_lambdas.core.detect import vision
from impp_lambdas.core.money.pricing import PriceBook

WORKERS = 8
"""Calls at the same time. Rekognition's default quota is 5 to 50 a second by region: adaptive retries find the pace."""
THROTTLED = frozenset({"LimitExceededException", "ProvisionedThroughputExceededException", "ThrottlingException"})
"""Many assets at a time share that quota. What the client gave up on is asked again while the function may run."""
PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0
"""Before throttled calls are asked again; doubled each time, with jitter."""
RESERVE_S = 10.0
"""Seconds of the function's timeout kept for writing the result; calls not begun by then count as failed."""


@cache
def rekognition() -> Any:
    """A client that slows itself down when Rekognition throttles, instead of only trying again."""
    config = Config(retries={"mode": "adaptive", "max_attempts": 8}, max_pool_connections=WORKERS, read_timeout=60)
    return boto3.client("rekognition", config=config)


def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    bucket, asset = aws.Settings.from_env("work_bucket").work_bucket, event["asset"]
    apis = [api for api in event["plan"]["analyze"]["apis"] if api in vision.OPERATIONS]
    frames = aws.get_json(bucket, event["frames"])["frames"] if event["frames"] else []
    if not frames:
        nothing = {"labels": [], "moderation": [], "text": [], "faces": 0}
        usage = aws.usage(context, started)
        return {"status": "skipped", "reason": "no pictures to look at", "analysis": None, **nothing, "usage": usage}
    answers, failed = _ask_all(bucket, frames, apis, context)
    timeline = vision.timeline((f["t"] for f in frames), answers)
    summary = vision.summary(timeline)
    document = {"frames": timeline, "summary": {**summary, "spans": _spans(timeline, summary)}, "failed": failed}
    aws.put_json(bucket, keys.work(asset, "analysis.json"), document)
    if failed:
        aws.logger.warning("some frames were not analysed", extra={"asset": asset, "failed": failed[:20]})
    images = PriceBook.load().line("rekognition", "image_api", len(answers)).to_dict()
    return {
        "status": "ok",
        "analysis": keys.work(asset, "analysis.json"),
        **summary,
        "asked": len(frames) * len(apis),
        "failed": dict(Counter(f"{f['api']}: {f['error']}" for f in failed)),
        "usage": [images, *aws.usage(context, started)],
    }


def _ask_all(
    bucket: str, frames: list[dict[str, Any]], apis: list[str], context: aws.Context
) -> tuple[dict[tuple[float, str], dict[str, Any]], list[dict[str, Any]]]:
    """Answers by time and API, and ``{t, api, error}`` for each call without one. Raises if none came."""
    answers: dict[tuple[float, str], dict[str, Any]] = {}
    failed: dict[tuple[float, str], str] = {}
    errors: list[Exception] = []

    def left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - RESERVE_S

    def ask(frame: dict[str, Any], api: str) -> None:
        if left() < 0:
            failed.setdefault((frame["t"], api), "OutOfTime")
            return
        operation, parameters = vision.OPERATIONS[api]
        image = {"S3Object": {"Bucket": bucket, "Name": frame["key"]}}
        try:
            answers[frame["t"], api] = getattr(rekognition(), operation)(Image=image, **parameters)
        except (ClientError, BotoCoreError) as error:
            failed[frame["t"], api] = aws.code(error) if isinstance(error, ClientError) else type(error).__name__
            errors.append(error)

    calls, pause = [(frame, api) for frame in frames for api in apis], PAUSE_S
    with ThreadPoolExecutor(WORKERS) as pool:
        while calls:
            list(pool.map(lambda call: ask(*call), calls))
            calls = [(frame, api) for frame, api in calls if failed.get((frame["t"], api)) in THROTTLED]
            if left() < pause:
                break
            if calls:
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  others are throttled at this moment
                pause = min(2 * pause, LONGEST_PAUSE_S)
                failed = {call: why for call, why in failed.items() if why not in THROTTLED}
    if errors and not answers:
        raise errors[0]
    return answers, [{"t": t, "api": api, "error": why} for (t, api), why in sorted(failed.items())]


def _spans(timeline: list[dict[str, Any]], summary: dict[str, Any]) -> dict[str, dict[str, list[list[float]]]]:
    return {
        api: {found["name"]: vision.spans(timeline, api, found["name"]) for found in summary[api]}
        for api in ("labels", "moderation")
    }
