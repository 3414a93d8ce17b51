"""Proxy: encodes the small renditions of a short original in the function itself.

In `{asset, bucket, key, version, facts, renditions}`, the renditions as the plan lists them; out `{status, outputs:
[{name, duration_s, width, height}], incomplete, usage}`. `incomplete` says why a rendition is shorter than planned, or
is null. Idempotent: the file in the delivery bucket is overwritten.
"""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from impp_lambdas.adapters import aws, decoding, metrics, s3
from impp_lambdas.adapters.ranged import open_object
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core.money.usage import request_lines
from impp_lambdas.core.planning.ladder import reduce_rate

RESERVE_S = 20.0
"""Seconds of the function's timeout that encoding leaves for the index of the file and its upload."""
MAX_FILE = 1500 << 20
"""Most bytes of a rendition: /tmp has 2 GB."""
PROXY_FPS = 15
USUAL_FPS = 30.0


@aws.raises_throttled
def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = Settings.from_env("delivery_bucket")
    outputs, incomplete, gets = [], None, 0
    for rendition in event["renditions"]:
        output, reason, reads = _make(event, rendition, settings.delivery_bucket, context)
        outputs.append(output)
        incomplete, gets = incomplete or reason, gets + reads
    aws.logger.info("encoded", extra={"asset": event["asset"], "outputs": outputs})
    requests = [line.to_dict() for line in request_lines(gets=gets, puts=len(outputs))]
    return {
        "status": "ok",
        "outputs": outputs,
        "incomplete": incomplete,
        "usage": [*requests, *metrics.usage(context, started)],
    }


def _make(
    event: dict[str, Any], rendition: dict[str, Any], bucket: str, context: aws.Context
) -> tuple[dict[str, Any], str | None, int]:
    """Encode and upload one rendition; returns the output, why it is incomplete, and the requests of reading."""
    facts = event["facts"]
    original = open_object(event["bucket"], event["key"], event.get("version"), int(facts["bytes"]))
    rate = rendition.get("fps") or reduce_rate(facts.get("fps"), PROXY_FPS) or facts.get("fps") or USUAL_FPS
    wanted = {
        "width": rendition["width"],
        "height": rendition["height"],
        "fps": str(Fraction(rate).limit_denominator(1001)),
        "max_bitrate": int(rendition["max_bitrate"]),
        "duration_s": float(facts.get("duration_s") or 0),
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "proxy.mp4"
        encoded = decoding.encode(original, path, wanted, decoding.Limits.of(context, RESERVE_S, MAX_FILE))
        content_type = "video/mp4" if rendition["width"] else "audio/mp4"
        with path.open("rb") as body:
            s3.put(bucket, s3.Upload(rendition["key"], body, content_type))
    size = {"width": rendition["width"], "height": rendition["height"]}
    return {"name": rendition["name"], "duration_s": encoded.seconds, **size}, encoded.incomplete, original.fetches
