"""Sample: picks distinct frames, makes poster and storyboard and listens for speech, without reading the whole file.

In `{asset, bucket, key, version, facts, plan}`; out `{status, frames, frame_count, poster, storyboard, speech,
speech_ratio, voiced_s, incomplete, usage}` with keys of the work bucket, or null if there is none. `incomplete` says
why there are fewer samples than planned.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, decoding, metrics, samples
from impp_lambdas.adapters.ranged import open_object
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.money.usage import request_lines

RESERVE_S = 20.0
"""Seconds of the function's timeout that sampling leaves for writing the results."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket")
    facts, frames = event["facts"], event["plan"]["frames"]
    original = open_object(event["bucket"], event["key"], event.get("version"), int(facts["bytes"]))
    sampled = decoding.sample(
        original,
        facts["kind"],
        float(facts.get("duration_s") or 0),
        {"max": min(int(frames["max"]), settings.max_frames), "interval_s": float(frames["interval_s"])},
        decoding.Limits.of(context, RESERVE_S),
    )
    written, puts = samples.write(settings.work_bucket, event["asset"], sampled)
    aws.logger.info("sampled", extra={"asset": event["asset"], "bytes_read": original.bytes_fetched, **written})
    requests = [line.to_dict() for line in request_lines(gets=original.fetches, puts=puts)]
    return {
        "status": "ok",
        **written,
        "speech": sampled.is_spoken and event["plan"].get("speech") != "off",
        "speech_ratio": round(sampled.speech_ratio, 4),
        "voiced_s": round(sampled.speech_ratio * float(facts.get("duration_s") or 0), 1),
        "incomplete": sampled.incomplete,
        "usage": [*requests, *metrics.usage(context, started)],
    }
