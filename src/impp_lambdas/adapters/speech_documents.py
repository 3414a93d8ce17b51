"""Delivers captions, and for creators chapters and suggestions, from the transcript of either engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, s3
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys
from impp_lambdas.core.results import captions, youtube

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings

Results = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SpeechDocuments:
    """The transcript as text, its phrases with the second at which they begin, and the delivered files' keys: None
    where there is none."""

    transcript: str | None = None
    captions: str | None = None
    captions_srt: str | None = None
    youtube: str | None = None
    phrases: tuple[tuple[float, str], ...] = ()


def deliver(settings: Settings, media: Mapping[str, Any], results: Results) -> SpeechDocuments:
    """Write the captions and `youtube.json` of an asset to the delivery bucket, as its plan wants them."""
    transcription = results.get("transcribe", {})
    if transcription.get("status") != "ok" or not transcription.get("transcript"):
        return SpeechDocuments()
    asset, plan, language = media["asset"], media["plan"], transcription.get("language")
    document = _read(settings.work_bucket, transcription["transcript"])
    text = " ".join(t["transcript"] for t in document.get("results", {}).get("transcripts", [])).strip() or None
    words = captions.words(document)
    if not words:
        return SpeechDocuments(text)
    vtt = srt = None
    shown = captions.captions(words, language)
    if plan.get("captions", True):
        vtt = _put(settings, asset, "captions.vtt", captions.webvtt(shown), "text/vtt")
        srt = _put(settings, asset, "captions.srt", captions.subrip(shown), "application/x-subrip")
    phrases = tuple((caption.start, " ".join(caption.lines)) for caption in shown)
    return SpeechDocuments(
        text, vtt, srt, _youtube(settings, media, results, words) if plan.get("chapters") else None, phrases
    )


def _youtube(settings: Settings, media: Mapping[str, Any], results: Results, words: list[captions.Word]) -> str | None:
    asset, duration = media["asset"], float(media["facts"].get("duration_s") or 0)
    frames = results.get("sample", {}).get("frames")
    scenes = [float(frame["t"]) for frame in _read(settings.work_bucket, frames).get("frames", [])] if frames else []
    document = youtube.suggest(asset, words, results["transcribe"].get("language"), duration, scenes)
    if document is None:
        return None
    key = keys.delivery(asset, "youtube.json")
    s3.put_json(settings.delivery_bucket, key, document)
    return key


def _put(settings: Settings, asset: str, name: str, text: str, content_type: str) -> str:
    key = keys.delivery(asset, name)
    s3.put(settings.delivery_bucket, Upload(key, text.encode(), content_type))
    return key


def _read(bucket: str, key: str) -> dict[str, Any]:
    """A document of the work bucket, `{}` if it has expired."""
    try:
        document: dict[str, Any] = s3.get_json(bucket, key)
    except ClientError as error:
        if aws.code(error) not in ("NoSuchKey", "404"):
            raise
        aws.logger.warning("the file has expired or was never written", extra={"key": key})
        return {}
    return document
