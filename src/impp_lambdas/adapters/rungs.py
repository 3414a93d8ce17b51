"""Makes a rung of an HLS presentation in the function itself, in as many attempts as it takes.

Each attempt delivers a file of its own, named after its first segment; the rung's playlist, written last, lists the
segments of all files. Idempotent: an attempt that is repeated overwrites its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import attempts, decoding, s3
from impp_lambdas.adapters.ranged import open_original
from impp_lambdas.core import keys
from impp_lambdas.core.results import hls

if TYPE_CHECKING:
    from impp_lambdas.adapters import aws
    from impp_lambdas.adapters.settings import Settings

RESERVE_S = 30.0
"""Seconds of the function's timeout that encoding leaves for the upload."""
MAX_FILE = 1500 << 20
"""Most bytes of a part: /tmp has 2 GB."""


@dataclass
class Progress:
    """How far an execution has come: `tracks` are the files so far, `next` is the segment to go on with, None when the
    rung is complete. `usage` is that of earlier attempts."""

    execution: str
    next: int | None = 0
    codecs: str = ""
    tracks: list[dict[str, Any]] = field(default_factory=list)
    usage: list[dict[str, Any]] = field(default_factory=list)


def load(settings: Settings, event: Mapping[str, Any], rendition: Mapping[str, Any]) -> Progress:
    """The progress of this execution, empty if it has not begun."""
    saved = attempts.load(settings.work_bucket, _key(event, rendition), event["execution"])
    return Progress(**({"execution": event["execution"]} | saved))


def save(settings: Settings, event: Mapping[str, Any], rendition: Mapping[str, Any], progress: Progress) -> None:
    """Remember how far the execution has come."""
    s3.put_json(settings.work_bucket, _key(event, rendition), asdict(progress))


def advance(
    settings: Settings, event: Mapping[str, Any], rendition: Mapping[str, Any], progress: Progress, context: aws.Context
) -> int:
    """Encode and deliver as many segments as the time allows, and at the end the playlist. Returns the requests of
    reading. Raises `Unreadable`."""
    assert progress.next is not None
    original = open_original(event)
    wanted = {
        "width": rendition["width"],
        "height": rendition["height"],
        "fps": rendition["fps"],
        "max_bitrate": int(rendition["max_bitrate"]),
        "duration_s": float(event["facts"]["duration_s"]),
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rung.cmfv"
        limits = decoding.Limits.of(context, RESERVE_S, MAX_FILE)
        part = decoding.rung(original, path, wanted, progress.next, limits)
        key = f"{rendition['key'].removesuffix('.m3u8')}-{progress.next:05d}.cmfv"
        with path.open("rb") as body:
            s3.put(settings.delivery_bucket, s3.Upload(key, body, "video/mp4"))
    name = key.rpartition("/")[2]
    progress.tracks.append({"uri": name, "header": part["header"], "segments": part["segments"]})
    progress.next, progress.codecs = part["next"], part["codecs"]
    if progress.next is None:
        text = hls.track_playlist(_tracks(progress))
        s3.put(settings.delivery_bucket, s3.Upload(rendition["key"], text.encode(), hls.CONTENT_TYPE))
    return original.fetches


def output(rendition: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """What came of a rung, in the form of other outputs, and what the main playlist says about it."""
    rates = hls.rates(_tracks(progress))
    return {
        "name": rendition["name"],
        "duration_s": round(sum(length for track in progress.tracks for length, _, _ in track["segments"]), 3),
        "width": rendition["width"],
        "height": rendition["height"],
        "stream": {"codecs": progress.codecs, "peak": rates[0], "mean": rates[1], "fps": rendition["fps"]},
    }


def _tracks(progress: Progress) -> list[hls.Track]:
    return [hls.Track(t["uri"], t["header"], [tuple(segment) for segment in t["segments"]]) for t in progress.tracks]


def _key(event: Mapping[str, Any], rendition: Mapping[str, Any]) -> str:
    return keys.work(event["asset"], f"{rendition['name']}.json")
