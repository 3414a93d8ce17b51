"""Join: makes one sample of the parts of a long file, which Sample has sampled one by one.

In `{asset, bucket, key, version, facts, plan, parts}`; `parts` has `{status, part, usage}` of each part, or `{status,
part, error, cause}` of one that failed. Out what Sample returns of a file that it samples in one pass. What failed is
missing, and `incomplete` says so; if all parts failed, so has the sample.
"""

from __future__ import annotations

import time
from typing import Any

from impp_lambdas.adapters import aws, decoding, metrics, parts, samples
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.money import ledger
from impp_lambdas.core.money.usage import request_lines

RESERVE_S = 60.0
"""Seconds of the function's timeout that are kept for following, choosing and writing."""


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("work_bucket")
    spent = [line for part in event["parts"] for line in ledger.from_dicts(part.get("usage", ()))]
    joint = parts.Joint(settings.work_bucket, event["asset"], event["parts"])
    if joint.parts:
        sampled = joint.sampled(event, decoding.Limits.of(context, RESERVE_S))
        result, puts = samples.conclude(settings, event, sampled, joint.looks())
    else:
        result, puts = _failed(event), 0
    aws.logger.info("joined", extra={"asset": event["asset"], "parts": len(joint.parts), "of": len(event["parts"])})
    lines = ledger.merge([*spent, *request_lines(gets=joint.gets, puts=puts)])
    return {**result, "usage": [*(line.to_dict() for line in lines), *metrics.usage(context, started)]}


def _failed(event: dict[str, Any]) -> dict[str, Any]:
    """The sample of a file of which no part could be sampled, for the reason of the first. Whether anybody speaks is
    unknown, so all sound is transcribed."""
    first = event["parts"][0]
    nothing = {"frames": None, "frame_count": 0, "findings": None, "poster": None, "storyboard": None}
    speech = {"speech": bool(event["facts"].get("has_audio")), "voiced_s": None, "voiced": None}
    return {"status": "failed", "error": first.get("error"), "cause": first.get("cause"), **nothing, **speech}
