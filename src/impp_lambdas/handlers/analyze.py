"""Analyze: asks managed services about the chosen frames and merges their findings with what Sample's models saw.

In `{token, asset, frames, findings, facts, plan, video}`; out `{status, analysis, labels, moderation, text, faces,
tracks, asked, overrides, failed, usage}`; `tracks` is their number, `overrides` is `{answers, disagreements}`. In
frames.json each frame lists the detectors to `ask`.
`failed` counts the calls without a response after all retries, by detector and error. It is an error only if every call
failed. Without frames (audio, or a failed Sample) the status is `skipped`, with a reason. Custom detectors are asked
first: an asynchronous endpoint that has not answered makes the reply Unfinished, before anything else is paid for.
If the plan has detectors that look at the video itself, the first call replies VideoFirst; the state machine then lets
Rekognition analyse the video and calls again, with the outcome in `video`.
"""

from __future__ import annotations

import heapq
import time
from operator import itemgetter
from typing import Any

from impp_lambdas.adapters import (
    analysis,
    aws,
    custom_detectors,
    detectors,
    looks,
    metrics,
    s3,
    task_tokens,
    video_jobs,
)
from impp_lambdas.adapters.detectors import Answers
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.detect import custom, registry, timeline
from impp_lambdas.core.money.detection import detector_lines
from impp_lambdas.core.replies import Unfinished, VideoFirst

RESERVE_S = 10.0
"""Seconds of the function's timeout that are kept for writing the result."""


@aws.raises_throttled
@task_tokens.answers
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    analysed = event.get("video")
    if event["plan"].get("video") and not analysed:
        raise VideoFirst
    settings = Settings.from_env("work_bucket")
    bucket, asset = settings.work_bucket, event["asset"]
    configured = custom.parse(settings.custom_detectors)
    own = [configured[name] for name in event["plan"].get("custom", ()) if name in configured]
    frames = s3.get_json(bucket, event["frames"])["frames"] if event["frames"] else []
    seen = looks.read(bucket, event.get("findings"))
    rows, failed_jobs = video_jobs.rows(analysed, event["facts"], event["plan"]) if analysed else ([], [])
    if not frames and not seen and not analysed:
        skipped = {"status": "skipped", "reason": "no pictures to look at", "analysis": None}
        return {**skipped, **registry.summary_fields({}), "usage": metrics.usage(context, started)}
    try:
        opinions = custom_detectors.look_at(own, bucket, asset, frames, lambda: aws.seconds_left(context, RESERVE_S))
    except Unfinished:
        custom_detectors.note_attempt(bucket, asset, metrics.usage(context, started))
        raise
    calls = [(frame, name) for frame in frames for name in frame.get("ask", ()) if name in registry.DETECTORS]
    answers = detectors.ask_all(bucket, calls, lambda: aws.seconds_left(context, RESERVE_S)) if calls else Answers()
    failures = [*failed_jobs, *answers.failures(), *(failure for opinion in opinions for failure in opinion.failures())]
    merged = timeline.timeline(
        heapq.merge(looks.unpack(seen), rows, key=itemgetter("t")), answers.responses, (frame["t"] for frame in frames)
    )
    merged = custom.merge(merged, custom_detectors.findings(opinions))
    key = keys.work(asset, "analysis.json")
    summary, count = analysis.write(bucket, key, merged, failures)
    if failures:
        aws.logger.warning("some calls have no response", extra={"asset": asset, "failed": failures[:20]})
    lines = [*detector_lines(answers.response_counts()), *(line for opinion in opinions for line in opinion.lines())]
    if any(detector.kind == custom.ASYNCHRONOUS for detector in own):
        lines += custom_detectors.usage_of_attempts(bucket, asset)
    failed = answers.failure_counts() | {f"{job['api']}: {job['error']}": 1 for job in failed_jobs}
    for opinion in opinions:
        failed |= opinion.failure_counts()
    return {
        "status": "ok",
        "analysis": key,
        **summary,
        "tracks": count,
        "asked": len(calls) + sum(look.detector.name in frame["ask"] for look in opinions for frame in frames),
        "overrides": timeline.overrides(looks.unpack(seen), answers.responses)._asdict(),
        "failed": failed,
        "usage": [*(line.to_dict() for line in lines), *metrics.usage(context, started)],
    }
