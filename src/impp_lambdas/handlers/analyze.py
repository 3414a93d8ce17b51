"""Analyze: asks detectors about the sampled frames and merges their findings into a timeline.

In `{asset, frames, facts, plan}`; out `{status, analysis, labels, moderation, text, faces, asked, failed, usage}`.
`failed` counts the calls without a response after all retries, by detector and error. It is an error only if every call
failed. Without frames (audio, or a failed Sample) the status is `skipped`, with a reason. Custom detectors are asked
first: an asynchronous endpoint that has not answered raises Unfinished, before anything else is paid for.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, custom_detectors, detectors, metrics, s3
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.detect import custom, registry, timeline
from impp_lambdas.core.money.detection import detector_lines

RESERVE_S = 10.0
"""Seconds of the function's timeout that are kept for writing the result."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket")
    bucket, asset = settings.work_bucket, event["asset"]
    brought = custom.chosen(custom.parse(settings.custom_detectors), event["plan"])
    names = [name for name in event["plan"]["analyze"]["apis"] if name in registry.DETECTORS]
    frames = s3.get_json(bucket, event["frames"])["frames"] if event["frames"] else []
    if not frames:
        skipped = {"status": "skipped", "reason": "no pictures to look at", "analysis": None}
        return {**skipped, **registry.summary_fields({}), "usage": metrics.usage(context, started)}
    looks = custom_detectors.look_at(brought, bucket, asset, frames, lambda: aws.seconds_left(context, RESERVE_S))
    answers = detectors.ask_all(bucket, frames, names, lambda: aws.seconds_left(context, RESERVE_S))
    merged = timeline.timeline((frame["t"] for frame in frames), answers.responses)
    merged = custom.merge(merged, custom_detectors.findings(looks))
    summary = timeline.summary(merged)
    failures = [*answers.failures(), *(failure for look in looks for failure in look.failures())]
    document = {
        "frames": merged,
        "summary": {**summary, "spans": timeline.spans(merged, summary)},
        "failed": failures,
    }
    s3.put_json(bucket, keys.work(asset, "analysis.json"), document)
    if failures:
        aws.logger.warning("some calls have no response", extra={"asset": asset, "failed": failures[:20]})
    lines = [*detector_lines(answers.response_counts(names)), *(line for look in looks for line in look.lines())]
    failed = answers.failure_counts()
    for look in looks:
        failed |= look.failure_counts()
    return {
        "status": "ok",
        "analysis": keys.work(asset, "analysis.json"),
        **summary,
        "asked": len(frames) * (len(names) + len(looks)),
        "failed": failed,
        "usage": [*(line.to_dict() for line in lines), *metrics.usage(context, started)],
    }
