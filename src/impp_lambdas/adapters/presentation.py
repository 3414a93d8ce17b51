"""Delivers an HLS presentation: MediaConvert wrote it; captions, and rungs that a function made, are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import s3
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys
from impp_lambdas.core.planning import hls as planned
from impp_lambdas.core.results import hls

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.adapters.speech_documents import SpeechDocuments

MAX_PLAYLIST = 4 << 20
"""Most bytes of a playlist: 24 h have 14,400 segments of some 90 bytes."""


@dataclass(frozen=True)
class Captions:
    """The key of a WebVTT file, None if there is none, its language, and the length of the recording."""

    key: str | None
    language: str | None
    duration_s: float


def deliver(
    settings: Settings, media: Mapping[str, Any], speech: SpeechDocuments, results: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """The key of the main playlist, which then refers to everything; None if there is no presentation."""
    if not any(planned.is_track(rendition["name"]) for rendition in media["plan"]["renditions"]):
        return None
    language = results.get("transcribe", {}).get("language")
    captions = Captions(speech.captions, language, float(media["facts"].get("duration_s") or 0))
    rungs = [output for output in results.get("proxy", {}).get("outputs", []) if "stream" in output]
    return complete(settings, media["asset"], captions, rungs)


def complete(settings: Settings, asset: str, captions: Captions, rungs: Sequence[Mapping[str, Any]] = ()) -> str | None:
    """Add captions, and `rungs` that a function made, to the main playlist; returns its key, None if MediaConvert has
    not written it."""
    bucket, key = settings.delivery_bucket, planned.playlist(asset)
    if not s3.head(bucket, key):
        return None
    main = text = _read(bucket, key)
    for rung in rungs:
        text = hls.with_variant(text, rung)
    if captions.key:
        listed = hls.captions_playlist(f"../{captions.key.rpartition('/')[2]}", captions.duration_s)
        _put(bucket, keys.delivery(asset, "hls/captions.m3u8"), listed)
        text = hls.with_captions(text, "captions.m3u8", captions.language)
    if text != main:
        _put(bucket, key, text)
    return key


def track_bytes(bucket: str, playlist: str) -> int:
    """The size of the files that a rung's playlist lists."""
    folder = playlist.rpartition("/")[0]
    heads = (s3.head(bucket, f"{folder}/{name}") for name in hls.files(_read(bucket, playlist)))
    return sum(int(head["ContentLength"]) for head in heads if head)


def _read(bucket: str, key: str) -> str:
    return s3.read_range(bucket, key, None, 0, MAX_PLAYLIST).decode()


def _put(bucket: str, key: str, text: str) -> None:
    s3.put(bucket, Upload(key, text.encode(), hls.CONTENT_TYPE, keys.DOCUMENT_CACHE))
