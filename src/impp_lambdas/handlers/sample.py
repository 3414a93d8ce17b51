"""Sample: looks at an original in one pass with small models, makes poster and storyboard, and listens for speech.

In `{asset, bucket, key, version, facts, plan}`; out `{status, frames, frame_count, findings, poster, storyboard,
speech, speech_ratio, voiced_s, voiced, incomplete, usage}` with keys of the work bucket, or null if there is none.
`frames` lists the pictures that managed services are to be asked about, `findings` what the models saw, `voiced` the
stretches in which somebody speaks. `incomplete` says why there is less than planned.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, decoding, metrics, samples, sampling, weights
from impp_lambdas.adapters.ranged import open_object
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.detect import questions, tracks
from impp_lambdas.core.money.usage import request_lines

RESERVE_S = 20.0
"""Seconds of the function's timeout that sampling leaves for writing the results."""
MOST_SPANS = 500
"""Most stretches of speech that travel through the state machine; beyond, all sound is heard."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket")
    facts, plan = event["facts"], event["plan"]
    detectors = questions.local(plan) if facts["kind"] != "audio" else []
    fetched = weights.fetch() if detectors else 0
    original = open_object(event["bucket"], event["key"], event.get("version"), int(facts["bytes"]))
    task = sampling.Task(
        facts["kind"],
        float(facts.get("duration_s") or 0),
        questions.most_distinct(plan, settings.max_frames),
        float(plan["frames"]["interval_s"]),
        float(plan["look"]["interval_s"]),
        detectors,
    )
    sampled = sampling.sample(original, task, decoding.Limits.of(context, RESERVE_S))
    followed = tracks.follow(sampled.looks, detectors)
    frames = [{"t": p.t, "hash": p.hash, "quality": p.quality, "is_distinct": p.is_distinct} for p in sampled.pictures]
    is_event = facts.get("recording") == "event"
    asked = questions.choose(plan, frames, followed, is_event=is_event, most=settings.max_frames)
    written, puts = samples.write(settings.work_bucket, event["asset"], sampled, asked, followed)
    aws.logger.info("sampled", extra={"asset": event["asset"], "bytes_read": original.bytes_fetched, **written})
    requests = [line.to_dict() for line in request_lines(gets=original.fetches + fetched, puts=puts)]
    voice = sampled.voice
    return {
        "status": "ok",
        **written,
        "speech": voice.spoken and plan["speech"] != "off",
        "speech_ratio": round(voice.ratio, 4),
        "voiced_s": round(voice.ratio * float(facts.get("duration_s") or 0), 1),
        "voiced": list(voice.spans) if len(voice.spans) <= MOST_SPANS else None,
        "incomplete": sampled.incomplete,
        "usage": [*requests, *metrics.usage(context, started)],
    }
