"""Analyze: asks managed services about the chosen frames and merges their findings with what Sample's models saw.

In `{asset, frames, findings, facts, plan}`; out `{status, analysis, labels, moderation, text, faces, tracks, asked,
failed, usage}`; `tracks` is their number. In frames.json each frame lists the detectors to `ask`.
`failed` counts the calls without a response after all retries, by detector and error. It is an error only if every call
failed. Without frames (audio, or a failed Sample) the status is `skipped`, with a reason. Custom detectors are asked
first: an asynchronous endpoint that has not answered raises Unfinished, before anything else is paid for.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, custom_detectors, detectors, metrics, s3
from impp_lambdas.adapters.detectors import Answers
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.detect import custom, registry, timeline, tracks
from impp_lambdas.core.money.detection import detector_lines

RESERVE_S = 10.0
"""Seconds of the function's timeout that are kept for writing the result."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket")
    bucket, asset = settings.work_bucket, event["asset"]
    brought = custom.chosen(custom.parse(settings.custom_detectors), event["plan"])
    frames = s3.get_json(bucket, event["frames"])["frames"] if event["frames"] else []
    seen = s3.get_json(bucket, event["findings"])["frames"] if event.get("findings") else []
    if not frames and not seen:
        skipped = {"status": "skipped", "reason": "no pictures to look at", "analysis": None}
        return {**skipped, **registry.summary_fields({}), "usage": metrics.usage(context, started)}
    looks = custom_detectors.look_at(brought, bucket, asset, frames, lambda: aws.seconds_left(context, RESERVE_S))
    calls = [(frame, name) for frame in frames for name in frame.get("ask", ()) if name in registry.DETECTORS]
    answers = detectors.ask_all(bucket, calls, lambda: aws.seconds_left(context, RESERVE_S)) if calls else Answers()
    merged = timeline.timeline([*({"t": frame["t"]} for frame in frames), *seen], answers.responses)
    merged = custom.merge(merged, custom_detectors.findings(looks))
    summary = timeline.summary(merged)
    failures = [*answers.failures(), *(failure for look in looks for failure in look.failures())]
    followed = tracks.follow(merged, registry.DETECTORS)
    document = {
        "frames": merged,
        "tracks": [track.to_dict() for track in followed],
        "summary": {**summary, "spans": timeline.spans(merged, summary)},
        "failed": failures,
    }
    s3.put_json(bucket, keys.work(asset, "analysis.json"), document)
    if failures:
        aws.logger.warning("some calls have no response", extra={"asset": asset, "failed": failures[:20]})
    lines = [*detector_lines(answers.response_counts()), *(line for look in looks for line in look.lines())]
    failed = answers.failure_counts()
    for look in looks:
        failed |= look.failure_counts()
    return {
        "status": "ok",
        "analysis": keys.work(asset, "analysis.json"),
        **summary,
        "tracks": len(followed),
        "asked": len(calls) + len(frames) * len(looks),
        "failed": failed,
        "usage": [*(line.to_dict() for line in lines), *metrics.usage(context, started)],
    }
