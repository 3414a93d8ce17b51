"""Sample: looks at an original in one pass with small models, makes poster and storyboard, and listens for speech.

In `{token, asset, bucket, key, version, facts, plan}`; out `{status, frames, frame_count, findings, poster, thumbnail,
storyboard, speech, speech_ratio, voiced_s, voiced, incomplete, is_damaged, usage}` with keys of the work bucket, or
null if there is none. `frames` lists the pictures that managed services are to be asked about, `findings` what the
models saw, `voiced` the stretches in which somebody speaks. `incomplete` says why there is less than planned,
`is_damaged` that a photo itself is the reason.

A long file, of which the plan has several `parts`, makes the reply `LongFile`. With `part`, an index of them, only that
part is sampled; out `{status, part, usage}`. Join makes one sample of all parts.
"""

from __future__ import annotations

import math
import time
from typing import Any

from impp_lambdas.adapters import aws, decoding, looks, metrics, parts, samples, sampling, task_tokens, weights
from impp_lambdas.adapters.ranged import open_original
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.detect import questions
from impp_lambdas.core.money.usage import request_lines
from impp_lambdas.core.replies import LongFile

RESERVE_S = 20.0
"""Seconds of the function's timeout that sampling leaves for writing the results."""
FEWEST = 4
"""Distinct frames of a part, so that Join has a choice where many parts share few frames."""


@aws.raises_throttled
@task_tokens.answers
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket")
    number = event.get("part")
    if number is None and len(event["plan"]["parts"]) > 1:
        raise LongFile
    task = _task(event, settings.max_frames)
    fetched = weights.fetch() if task.detectors else 0
    original = open_original(event)
    sampled = sampling.sample(original, task, decoding.Limits.of(context, RESERVE_S))
    if number is None:
        result, puts = samples.conclude(settings, event, sampled, looks.pack(sampled.looks) if sampled.looks else b"")
    else:
        parts.write(settings.work_bucket, event["asset"], number, sampled)
        result, puts = {"status": "ok", "part": number}, parts.OBJECTS
    aws.logger.info("sampled", extra={"asset": event["asset"], "bytes_read": original.bytes_fetched, "part": number})
    requests = [line.to_dict() for line in request_lines(gets=original.fetches + fetched, puts=puts)]
    return {**result, "usage": [*requests, *metrics.usage(context, started)]}


def _task(event: dict[str, Any], max_frames: int) -> sampling.Task:
    facts, plan, number = event["facts"], event["plan"], event.get("part")
    frames, part = questions.most_distinct(plan, max_frames), None
    if number is not None:
        frames = max(FEWEST, math.ceil(2 * frames / len(plan["parts"])))
        part = plan["parts"][number]
    return sampling.Task(
        facts["kind"],
        float(facts.get("duration_s") or 0),
        frames,
        float(plan["frames"]["interval_s"]),
        float(plan["look"]["interval_s"]),
        questions.local(plan) if facts["kind"] != "audio" else [],
        part,
    )
