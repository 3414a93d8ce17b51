"""Writes frames, poster and storyboard of an original to the work bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import s3
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys

if TYPE_CHECKING:
    from impp_lambdas.core.media.samples import Sampled

JPEG = "image/jpeg"


def write(bucket: str, asset: str, sampled: Sampled) -> tuple[dict[str, Any], int]:
    """Write everything. Returns the keys (`{frames, frame_count, poster, storyboard}`) and the number of objects."""
    frames = [
        {"t": s.t, "key": keys.work(asset, f"frames/{round(s.t * 1000):09d}.jpg"), "width": s.width, "height": s.height}
        for s in sampled.frames
    ]
    uploads = [Upload(str(f["key"]), s.jpeg, JPEG) for f, s in zip(frames, sampled.frames, strict=True)]
    poster = board = None
    if sampled.poster:
        poster = keys.work(asset, "poster.jpg")
        uploads.append(Upload(poster, sampled.poster.jpeg, JPEG))
    if sampled.storyboard:
        board = keys.work(asset, "storyboard.jpg")
        sprite, vtt = sampled.storyboard
        uploads.append(Upload(board, sprite, JPEG))
        uploads.append(Upload(keys.work(asset, "storyboard.vtt"), vtt.encode(), "text/vtt"))
    s3.put_all(bucket, uploads)
    index = keys.work(asset, "frames.json")
    s3.put_json(bucket, index, {"frames": frames})
    written = {"frames": index, "frame_count": len(frames), "poster": poster, "storyboard": board}
    return written, len(uploads) + 1
