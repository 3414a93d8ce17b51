"""Proxy: encodes small renditions in the function itself: proxies of short originals, and a rung of an HLS ladder.

In `{token, execution, asset, bucket, key, version, facts, renditions, has_job}`, the renditions as the plan lists them;
out `{status, outputs: [{name, duration_s, width, height}], incomplete, usage}`, the output of a rung with its `stream`
besides. `incomplete` says why a rendition is shorter than planned, or is null. Idempotent: files in the delivery bucket
are overwritten. A rung of any length: an attempt that runs out of time saves its progress and replies `Unfinished`, and
the state machine calls again. If the plan `has_job` for MediaConvert, the reply is `MediaConvertOnly` or, if there are
renditions for both, `MediaConvertToo`; the state machine starts the job and calls again beside it, without `has_job`.
"""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from impp_lambdas.adapters import aws, decoding, metrics, rungs, s3, task_tokens
from impp_lambdas.adapters.ranged import open_original
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.money.usage import request_lines
from impp_lambdas.core.planning.ladder import reduce_rate
from impp_lambdas.core.replies import MediaConvertOnly, MediaConvertToo, Unfinished

RESERVE_S = 20.0
"""Seconds of the function's timeout that encoding leaves for the index of the file and its upload."""
MAX_FILE = 1500 << 20
"""Most bytes of a rendition: /tmp has 2 GB."""
PROXY_FPS = 15
USUAL_FPS = 30.0


@aws.raises_throttled
@task_tokens.answers
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("delivery_bucket", "work_bucket")
    if event.get("has_job"):
        raise MediaConvertToo if event["renditions"] else MediaConvertOnly
    if not event["renditions"]:
        return {"status": "skipped", "reason": "no renditions planned", "usage": metrics.usage(context, started)}
    outputs, incomplete, gets, puts, usage = [], None, 0, 0, []
    for rendition in event["renditions"]:
        if rendition["key"].endswith(".m3u8"):
            progress = rungs.load(settings, event, rendition)
            gets += 1 + rungs.advance(settings, event, rendition, progress, context)
            puts += 2
            if progress.next is not None:
                progress.usage += _usage(gets, puts, context, started)
                rungs.save(settings, event, rendition, progress)
                raise Unfinished(f"encoded the first {progress.next} segments")
            outputs.append(rungs.output(rendition, progress))
            usage += progress.usage
        else:
            try:
                output, reason, reads = _make(event, rendition, settings.delivery_bucket, context)
            except Unreadable as error:
                if rendition.get("track", 1) == 1:
                    raise
                incomplete = f"video track {rendition['track']} has no rendition: {error}"
                continue
            outputs.append(output)
            incomplete, gets, puts = incomplete or reason, gets + reads, puts + 1
    aws.logger.info("encoded", extra={"asset": event["asset"], "outputs": outputs})
    usage += _usage(gets, puts, context, started)
    return {"status": "ok", "outputs": outputs, "incomplete": incomplete, "usage": usage}


def _usage(gets: int, puts: int, context: aws.Context, started: float) -> list[dict[str, Any]]:
    lines = request_lines(gets=gets, puts=puts)
    return [*(line.to_dict() for line in lines), *metrics.usage(context, started)]


def _make(
    event: dict[str, Any], rendition: dict[str, Any], bucket: str, context: aws.Context
) -> tuple[dict[str, Any], str | None, int]:
    """Encode and upload one rendition; returns the output, why it is incomplete, and the requests of reading."""
    facts = event["facts"]
    original = open_original(event)
    rate = rendition.get("fps") or reduce_rate(facts.get("fps"), PROXY_FPS) or facts.get("fps") or USUAL_FPS
    wanted = {
        "width": rendition["width"],
        "height": rendition["height"],
        "fps": str(Fraction(rate).limit_denominator(1001)),
        "max_bitrate": int(rendition["max_bitrate"]),
        "duration_s": float(facts.get("duration_s") or 0),
        "track": int(rendition.get("track", 1)),
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "proxy.mp4"
        encoded = decoding.encode(original, path, wanted, decoding.Limits.of(context, RESERVE_S, MAX_FILE))
        content_type = "video/mp4" if rendition["width"] else "audio/mp4"
        with path.open("rb") as body:
            s3.put(bucket, s3.Upload(rendition["key"], body, content_type))
    output = {
        "name": rendition["name"],
        "duration_s": encoded.seconds,
        "width": encoded.width,
        "height": encoded.height,
    }
    return output, encoded.incomplete, original.fetches
