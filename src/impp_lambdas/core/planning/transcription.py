"""What Transcribe needs to be told, and whether it can take an original as it is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlparse

MAX_SECONDS = 14_400.0
"""Longest recording of a job: 4 hours (Transcribe's quotas, not adjustable)."""
MIN_SECONDS = 0.5
MIN_BILLED_SECONDS = 15
"""Each job is billed for at least 15 s, in whole seconds (Transcribe's pricing page)."""
MAX_BYTES = 2_000_000_000
"""Largest file of a job, 2 GB (same source)."""
_NAMES = {"wave": "wav"}
"""Probe's names of containers that Transcribe calls otherwise."""
FORMATS = frozenset({"mp3", "mp4", "wav", "flac", "ogg", "amr", "webm", "m4a"})
"""MediaFormat's values. QuickTime, AVI, Matroska and transport streams are not among them."""


def job_name(asset: str, execution: str) -> str:
    """The job's name: the same for a retry of the same execution, another for a replay."""
    return f"impp-{asset}-{hashlib.sha256(execution.encode()).hexdigest()[:8]}"


def billed_seconds(seconds: float) -> int:
    """What a job over so many seconds of sound is billed for."""
    return max(MIN_BILLED_SECONDS, math.ceil(round(seconds, 3)))


def refusal(facts: Mapping[str, Any], speech: bool) -> str | None:
    """Why there is nothing to transcribe, or None where there is."""
    seconds = float(facts.get("duration_s") or 0)
    if not facts.get("has_audio"):
        return "no sound track"
    if not speech:
        return "no speech"
    if 0 < seconds < MIN_SECONDS:  # 0: nobody knows; Transcribe will
        return f"shorter than {MIN_SECONDS} s"
    if seconds > MAX_SECONDS:
        return f"longer than Transcribe's {MAX_SECONDS / 3600:.0f} hours"
    return None


def media_format(facts: Mapping[str, Any], key: str) -> str | None:
    """The MediaFormat by which Transcribe takes the original itself; None where only its sound can be handed over."""
    if int(facts.get("bytes") or 0) > MAX_BYTES:
        return None
    extension = key.rpartition(".")[2].lower()
    container = str(facts.get("container") or "").lower()
    if extension in ("mov", "qt") or "quicktime" in container:
        return None
    named = {_NAMES.get(part.strip(), part.strip()) for part in container.replace("/", ",").split(",")}
    if extension in named & FORMATS:
        return extension
    return next((f for f in ("mp4", "m4a", "webm", "wav", "mp3", "flac", "ogg", "amr") if f in named), None)


def job_request(
    name: str,
    uri: str,
    media: str,
    language: str,
    bucket: str,
    output_key: str,
    tags: Mapping[str, str],
    kms_key: str = "",
) -> dict[str, Any]:
    """StartTranscriptionJob's request. ``language`` is a code such as ``en-US``, or ``auto``.

    Without ``kms_key`` Transcribe encrypts what it writes with S3's own key, whatever the bucket's default is (its
    developer guide, "Data encryption").
    """
    spoken: dict[str, Any] = {"IdentifyLanguage": True} if language == "auto" else {"LanguageCode": language}
    return {
        "TranscriptionJobName": name,
        "Media": {"MediaFileUri": uri},
        "MediaFormat": media,
        "OutputBucketName": bucket,
        "OutputKey": output_key,
        "Subtitles": {"Formats": ["vtt", "srt"], "OutputStartIndex": 1},
        "Tags": [{"Key": k, "Value": v} for k, v in tags.items()],
        **({"OutputEncryptionKMSKeyId": kms_key} if kms_key else {}),
        **spoken,
    }


def key_of(uri: str, bucket: str) -> str:
    """The object key in an ``s3://`` or ``https://`` (path or host style) address of an object in ``bucket``."""
    parsed = urlparse(uri)
    path = parsed.path.lstrip("/")
    if parsed.scheme == "s3" or parsed.netloc.split(".")[0] == bucket:
        return unquote(path) if parsed.scheme != "s3" else path
    return unquote(path.removeprefix(f"{bucket}/"))


def captions_key(job: Mapping[str, Any], bucket: str) -> str | None:
    """The key of the job's WebVTT file, or None where it made none."""
    uris = job.get("Subtitles", {}).get("SubtitleFileUris", [])
    return next((key_of(uri, bucket) for uri in uris if uri.split("?")[0].endswith(".vtt")), None)
