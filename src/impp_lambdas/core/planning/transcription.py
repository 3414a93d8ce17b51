"""What Transcribe is asked for, and whether it accepts an original as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlparse

from impp_lambdas.core import keys

MAX_SECONDS = 14_400.0
"""Longest recording per job: 4 hours (Transcribe's quotas, not adjustable)."""
MIN_SECONDS = 0.5
MAX_BYTES = 2_000_000_000
"""Largest file per job, 2 GB (same source)."""
MAX_CHANNELS = 2
"""https://docs.aws.amazon.com/transcribe/latest/dg/channel-id.html: "doesn't currently support audio with more than two
channels"."""
MIN_IDENTIFIABLE_S = 30.0
"""Seconds of speech that Transcribe wants for identifying its language
(https://docs.aws.amazon.com/transcribe/latest/dg/lang-id-batch.html). A job with less fails or guesses."""
TOO_LITTLE_SPEECH = "speech segment long enough"
"""Part of the FailureReason of a job with too little speech: "Your audio file must have a speech segment long enough in
duration to perform automatic language identification. …" (seen in many public logs; AWS documents no list)."""
FORMATS = frozenset({"mp4", "m4a", "webm", "wav", "wave", "mp3", "flac", "ogg", "amr"})
"""Containers that Transcribe accepts, by its and Probe's names. QuickTime, AVI, Matroska and transport streams are not
among them."""


def job_name(asset: str, execution: str) -> str:
    """The job's name: the same for a retry within an execution, different for a replay."""
    return f"impp-{asset}-{hashlib.sha256(execution.encode()).hexdigest()[:8]}"


def language(setting: str, fallback: str, voiced_s: float | None) -> str:
    """The language of a job: with `auto` and too little speech, or an unknown amount, the fallback."""
    return fallback if setting == "auto" and (voiced_s or 0) < MIN_IDENTIFIABLE_S else setting


def nothing_to_hear(facts: Mapping[str, Any], speech: bool) -> str | None:
    """Why no engine has anything to transcribe, or None."""
    if not facts.get("has_audio"):
        return "no sound track"
    return None if speech else "no speech"


def refusal(facts: Mapping[str, Any], speech: bool) -> str | None:
    """Why there is nothing for Transcribe, or None."""
    seconds = float(facts.get("duration_s") or 0)
    if reason := nothing_to_hear(facts, speech):
        return reason
    if 0 < seconds < MIN_SECONDS:  # 0 means unknown: Transcribe decides
        return f"shorter than {MIN_SECONDS} s"
    if seconds > MAX_SECONDS:
        return f"longer than Transcribe's {MAX_SECONDS / 3600:.0f} hours"
    return None


def is_accepted(facts: Mapping[str, Any], key: str) -> bool:
    """Whether Transcribe accepts the original as it is; if not, its sound must be extracted first."""
    if int(facts.get("bytes") or 0) > MAX_BYTES or not keys.is_safe(key):
        return False
    if not 1 <= int(facts.get("audio_channels") or 0) <= MAX_CHANNELS:
        return False
    container = str(facts.get("container") or "").lower()
    if key.rpartition(".")[2].lower() in ("mov", "qt") or "quicktime" in container:
        return False
    return not FORMATS.isdisjoint(part.strip() for part in container.replace("/", ",").split(","))


def job_request(
    *,
    name: str,
    uri: str,
    language: str,
    bucket: str,
    output_key: str,
    tags: Mapping[str, str],
    kms_key: str = "",
) -> dict[str, Any]:
    """Parameters of StartTranscriptionJob. `language` is a code such as `en-US`, or `auto`.

    Without `kms_key` Transcribe encrypts its output with S3's own key, regardless of the bucket's default (its
    developer guide, "Data encryption"). There is no `MediaFormat`: Transcribe detects it, and a job whose file has
    another one fails (mp4 for what is m4a).
    """
    spoken: dict[str, Any] = {"IdentifyLanguage": True} if language == "auto" else {"LanguageCode": language}
    return {
        "TranscriptionJobName": name,
        "Media": {"MediaFileUri": uri},
        "OutputBucketName": bucket,
        "OutputKey": output_key,
        "Subtitles": {"Formats": ["vtt", "srt"], "OutputStartIndex": 1},
        "Tags": [{"Key": k, "Value": v} for k, v in tags.items()],
        **({"OutputEncryptionKMSKeyId": kms_key} if kms_key else {}),
        **spoken,
    }


def object_key(uri: str, bucket: str) -> str:
    """The object key in an `s3://` or `https://` (path or host style) address of an object in `bucket`."""
    parsed = urlparse(uri)
    path = parsed.path.lstrip("/")
    if parsed.scheme == "s3" or parsed.netloc.split(".")[0] == bucket:
        return unquote(path) if parsed.scheme != "s3" else path
    return unquote(path.removeprefix(f"{bucket}/"))


def captions_key(job: Mapping[str, Any], bucket: str) -> str | None:
    """The key of the job's WebVTT file, or None if it has none."""
    uris = job.get("Subtitles", {}).get("SubtitleFileUris", [])
    return next((object_key(uri, bucket) for uri in uris if uri.split("?")[0].endswith(".vtt")), None)
