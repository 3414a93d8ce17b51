"""What is delivered of an asset: small files copied from the work bucket, renditions found where they were put."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws
from impp_lambdas.core import keys
from impp_lambdas.core.results.manifest import Delivered

Results = Mapping[str, Mapping[str, Any]]


def deliver(settings: aws.Settings, asset: str, results: Results) -> Delivered:
    """Copy poster, storyboard and captions, and find the renditions that are really there."""
    sample, transcribed = results.get("sample", {}), results.get("transcribe", {})
    board = sample.get("storyboard")
    board_vtt = board.rpartition(".")[0] + ".vtt" if board else None
    captions = transcribed.get("captions") if transcribed.get("status") == "ok" else None
    return Delivered(
        renditions=tuple(_renditions(settings.delivery_bucket, results)),
        poster=_copy(settings, asset, sample.get("poster"), "poster.jpg", "image/jpeg"),
        storyboard=_copy(settings, asset, board, "storyboard.jpg", "image/jpeg"),
        storyboard_vtt=_copy(settings, asset, board_vtt, "storyboard.vtt", "text/vtt"),
        captions=_copy(settings, asset, captions, "captions.vtt", "text/vtt"),
    )


def transcript(settings: aws.Settings, results: Results) -> str | None:
    """The words that Transcribe heard, None where none were transcribed."""
    transcribed = results.get("transcribe", {})
    if transcribed.get("status") != "ok" or not transcribed.get("transcript"):
        return None
    document = aws.get_json(settings.work_bucket, transcribed["transcript"])
    return " ".join(t["transcript"] for t in document["results"]["transcripts"]).strip() or None


def _renditions(bucket: str, results: Results) -> list[dict[str, Any]]:
    """Of the planned renditions those whose file is there and not empty, with their true size and length."""
    planned, outputs = results.get("plan", {}).get("renditions", []), results.get("transcode", {}).get("outputs", [])
    found = []
    for position, rendition in enumerate(planned):
        head = aws.head(bucket, rendition["key"])
        if not head or not head["ContentLength"]:
            continue
        made = outputs[position] if position < len(outputs) else {}
        found.append(
            {
                "name": rendition["name"],
                "key": rendition["key"],
                "width": made.get("width") or rendition["width"],
                "height": made.get("height") or rendition["height"],
                "bytes": head["ContentLength"],
                "duration_s": made.get("duration_s"),
            }
        )
    return found


def _copy(settings: aws.Settings, asset: str, source: str | None, name: str, content_type: str) -> str | None:
    if not source:
        return None
    key = keys.delivery(asset, name)
    try:
        aws.copy_object(settings.work_bucket, source, settings.delivery_bucket, key, content_type)
    except ClientError as error:
        if aws.code(error) not in ("NoSuchKey", "404"):
            raise
        aws.logger.warning("expired or never written", extra={"asset": asset, "key": source})
        return None
    return key
