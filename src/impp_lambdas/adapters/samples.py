"""Concludes a sample: what it saw is followed, what managed services are asked is chosen, and all of it is written to
the work bucket. The sample is that of a whole recording, in one pass or joined from parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import looks, s3
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys
from impp_lambdas.core.detect import questions, tracks
from impp_lambdas.core.media import pictures

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.media.samples import Picture, Sampled

JPEG = "image/jpeg"
MOST_SPANS = 500
"""Most stretches of speech that travel through the state machine; beyond, all sound is heard."""


def conclude(settings: Settings, event: Mapping[str, Any], sampled: Sampled, seen: bytes) -> tuple[dict[str, Any], int]:
    """Choose and write. `event` has `{asset, facts, plan}`, `seen` is the file of looks (:mod:`.looks`).

    Returns what the state machine knows of a sample, `{status, frames, frame_count, findings, poster, thumbnail,
    storyboard, speech, speech_ratio, voiced_s, voiced, incomplete, is_damaged}`, and the number of objects that were
    written.
    """
    facts, plan, voice = event["facts"], event["plan"], sampled.voice
    followed = tracks.follow(looks.unpack(seen), questions.local(plan) if facts["kind"] != "audio" else [])
    frames = [{"t": p.t, "hash": p.hash, "quality": p.quality, "is_distinct": p.is_distinct} for p in sampled.pictures]
    is_event = facts.get("recording") == "event"
    asked = questions.choose(plan, frames, followed, is_event=is_event, most=settings.max_frames)
    written, puts = _write(settings.work_bucket, event["asset"], sampled, asked)
    findings = keys.work(event["asset"], "findings.jsonl.gz") if seen else None
    if findings:
        s3.put(settings.work_bucket, Upload(findings, seen, "application/gzip"))
    result = {
        "status": "ok",
        **written,
        "findings": findings,
        "speech": voice.is_spoken and plan["speech"] != "off",
        "speech_ratio": round(voice.ratio, 4),
        "voiced_s": round(voice.ratio * float(facts.get("duration_s") or 0), 1),
        "voiced": list(voice.spans) if len(voice.spans) <= MOST_SPANS else None,
        "incomplete": sampled.incomplete,
        "is_damaged": facts["kind"] == "image" and bool(sampled.incomplete),
    }
    return result, puts + bool(findings)


def _write(
    bucket: str, asset: str, sampled: Sampled, asked: Mapping[float, Mapping[str, str]]
) -> tuple[dict[str, Any], int]:
    """Write the pictures. Of those that `asked` lacks (reasons by time and detector) none is uploaded but the poster:
    each upload costs as much as 2 ms of a function."""
    shown = {picture.t: picture for picture in sampled.pictures if picture.t in asked}
    frames: list[dict[str, Any]] = [
        {
            "t": t,
            "key": keys.work(asset, f"frames/{round(t * 1000):09d}.jpg"),
            "width": picture.width,
            "height": picture.height,
            "ask": asked[t],
        }
        for t, picture in shown.items()
    ]
    uploads: list[tuple[str, Picture]] = [(frame["key"], shown[frame["t"]]) for frame in frames]
    poster = thumbnail = board = None
    if sampled.poster:
        poster = keys.work(asset, "poster.jpg")
        uploads.append((poster, sampled.poster))
    with ThreadPoolExecutor(s3.UPLOADS) as pool:  # a picture is in memory only while it is uploaded
        list(pool.map(lambda one: s3.put(bucket, Upload(one[0], one[1].jpeg(), JPEG)), uploads))
    if sampled.poster:
        thumbnail = keys.work(asset, "thumbnail.webp")
        s3.put(bucket, Upload(thumbnail, pictures.thumbnail(sampled.poster.jpeg()), "image/webp"))
    if sampled.storyboard:
        board = keys.work(asset, "storyboard.jpg")
        s3.put(bucket, Upload(board, sampled.storyboard.sprite, JPEG))
        s3.put(bucket, Upload(keys.work(asset, "storyboard.vtt"), sampled.storyboard.vtt.encode(), "text/vtt"))
    index = keys.work(asset, "frames.json")
    s3.put_json(bucket, index, {"frames": frames})
    files = {"poster": poster, "thumbnail": thumbnail, "storyboard": board}
    return {"frames": index, "frame_count": len(frames), **files}, len(uploads) + 1 + bool(poster) + 2 * bool(board)
