"""Prepares the sound of an original for Transcribe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from impp_lambdas.adapters import aws, decoding, s3
from impp_lambdas.adapters.ranged import open_original
from impp_lambdas.core import keys
from impp_lambdas.core.planning import transcription

MAX_SOUND = 400 << 20
"""Most bytes of extracted sound: four hours have 300 MB, and /tmp has 512."""


def prepare(event: Mapping[str, Any], work_bucket: str, context: aws.Context, reserve_s: float) -> str:
    """URI of the file to transcribe: the original, or its sound extracted to the work bucket. Raises
    :class:`~impp_lambdas.core.intake.unreadable.Unreadable`."""
    bucket, key = event["bucket"], event["key"]
    if transcription.is_accepted(event["facts"], key):
        return f"s3://{bucket}/{key}"
    original = open_original(event)
    sound = keys.work(event["asset"], "sound.flac")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sound.flac"
        seconds = decoding.extract(original, path, decoding.Limits.of(context, reserve_s, MAX_SOUND))
        with path.open("rb") as body:
            s3.put(work_bucket, s3.Upload(sound, body, "audio/flac"))
    aws.logger.info("sound extracted", extra={"asset": event["asset"], "seconds": round(seconds, 3)})
    return f"s3://{work_bucket}/{sound}"
