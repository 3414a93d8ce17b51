"""Sample: distinct frames, poster, storyboard and the question whether anybody speaks, without reading the whole file.

In ``{asset, bucket, key, version, facts, plan}``; out ``{status, frames, frame_count, poster, storyboard, speech,
speech_ratio, complete, usage}`` with keys of the work bucket, or null where there is none.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, cast

from impp_lambdas.adapters import aws
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.core import keys
from impp_lambdas.core.media.sampling import Sampled, sample
from impp_lambdas.core.money.pricing import PriceBook

if TYPE_CHECKING:
    from impp_lambdas.core.media.storyboard import Storyboard

UPLOADS = 8
"""Frames written at the same time; each waits for S3, none computes."""
RESERVE_S = 20.0
"""Seconds of the function's timeout that sampling leaves for writing the results."""


def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
    started = time.perf_counter()
    settings = aws.Settings.from_env("work_bucket")
    facts, frames = event["facts"], event["plan"]["frames"]
    original = _original(event, int(facts["bytes"]))
    sampled = sample(
        cast(IO[bytes], original),
        facts["kind"],
        float(facts.get("duration_s") or 0),
        float(frames["interval_s"]),
        min(int(frames["max"]), settings.max_frames),
        lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_S,
    )
    written, puts = _write(settings.work_bucket, event["asset"], sampled)
    aws.logger.info("sampled", extra={"asset": event["asset"], "bytes_read": original.bytes_fetched, **written})
    return {
        "status": "ok",
        **written,
        "speech": sampled.speech.spoken,
        "speech_ratio": round(sampled.speech.ratio, 4),
        "complete": sampled.complete,
        "usage": [*_requests(original.fetches, puts), *aws.usage(context, started)],
    }


def _original(event: dict[str, Any], size: int) -> RangedFile:
    bucket, key, version = event["bucket"], event["key"], event.get("version")
    return RangedFile(lambda first, last: aws.read_range(bucket, key, version, first, last - first + 1), size)


def _write(bucket: str, asset: str, sampled: Sampled) -> tuple[dict[str, Any], int]:
    """The keys of what was written, and how many objects that were."""
    listed = [
        {"t": s.t, "key": keys.work(asset, f"frames/{round(s.t * 1000):09d}.jpg"), "width": s.width, "height": s.height}
        for s in sampled.frames
    ]
    objects = [(str(f["key"]), s.jpeg, "image/jpeg") for f, s in zip(listed, sampled.frames, strict=True)]
    poster = board = None
    if sampled.poster:
        poster = keys.work(asset, "poster.jpg")
        objects.append((poster, sampled.poster.jpeg, "image/jpeg"))
    if sampled.storyboard:
        board = keys.work(asset, "storyboard.jpg")
        objects += _board(asset, board, sampled.storyboard)
    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(lambda o: _put(bucket, *o), objects))
    index = keys.work(asset, "frames.json")
    aws.put_json(bucket, index, {"frames": listed})
    written = {"frames": index, "frame_count": len(listed), "poster": poster, "storyboard": board}
    return written, len(objects) + 1


def _board(asset: str, key: str, board: Storyboard) -> list[tuple[str, bytes, str]]:
    return [(key, board.sprite, "image/jpeg"), (keys.work(asset, "storyboard.vtt"), board.vtt.encode(), "text/vtt")]


def _put(bucket: str, key: str, body: bytes, content_type: str) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def _requests(gets: int, puts: int) -> list[dict[str, Any]]:
    book = PriceBook.load()
    return [book.line("s3", "get", gets).to_dict(), book.line("s3", "put", puts).to_dict()]
