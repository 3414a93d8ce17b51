"""Writes what Sample found of an original to the work bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import s3
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys

if TYPE_CHECKING:
    from impp_lambdas.core.detect.tracks import Track
    from impp_lambdas.core.media.samples import Sampled

JPEG = "image/jpeg"

Asked = Mapping[float, Mapping[str, str]]
"""Why which detectors are asked about which frame: reasons by time and detector."""


def write(
    bucket: str, asset: str, sampled: Sampled, asked: Asked, tracks: Sequence[Track]
) -> tuple[dict[str, Any], int]:
    """Write everything. Returns keys (`{frames, frame_count, findings, poster, storyboard}`) and the number of objects.

    Of the pictures only those are uploaded that a managed service is asked about: each upload costs as much as
    2 ms of a function.
    """
    shown = [picture for picture in sampled.pictures if picture.t in asked]
    frames = [
        {
            "t": s.t,
            "key": keys.work(asset, f"frames/{round(s.t * 1000):09d}.jpg"),
            "width": s.width,
            "height": s.height,
            "ask": asked[s.t],
        }
        for s in shown
    ]
    uploads = [Upload(str(f["key"]), s.jpeg, JPEG) for f, s in zip(frames, shown, strict=True)]
    poster = board = findings = None
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
    if sampled.looks:
        findings = keys.work(asset, "findings.json")
        s3.put_json(bucket, findings, {"frames": list(sampled.looks), "tracks": [track.to_dict() for track in tracks]})
    written = {
        "frames": index,
        "frame_count": len(frames),
        "findings": findings,
        "poster": poster,
        "storyboard": board,
    }
    return written, len(uploads) + 1 + bool(findings)
