"""Delivers an asset: copies its pictures from the work bucket and lists the renditions that exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, presentation, s3
from impp_lambdas.core import keys
from impp_lambdas.core.results.manifest import Delivery

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.adapters.speech_documents import SpeechDocuments

Results = Mapping[str, Mapping[str, Any]]


def deliver(settings: Settings, media: Mapping[str, Any], results: Results, speech: SpeechDocuments) -> Delivery:
    """Copy poster and storyboard, and look for the renditions; `speech` is delivered already."""
    asset, sample = media["asset"], results.get("sample", {})
    board = sample.get("storyboard")
    board_vtt = board.rpartition(".")[0] + ".vtt" if board else None
    return Delivery(
        renditions=tuple(_renditions(settings.delivery_bucket, results)),
        poster=_copy(settings, asset, sample.get("poster"), "poster.jpg", "image/jpeg"),
        thumbnail=_copy(settings, asset, sample.get("thumbnail"), "thumbnail.webp", "image/webp"),
        storyboard=_copy(settings, asset, board, "storyboard.jpg", "image/jpeg"),
        storyboard_vtt=_copy(settings, asset, board_vtt, "storyboard.vtt", "text/vtt"),
        captions=speech.captions,
        captions_srt=speech.captions_srt,
        youtube=speech.youtube,
        hls=presentation.deliver(settings, media, speech, results),
    )


def url(settings: Settings, asset: str, name: str) -> str:
    """The address of a delivered file: CloudFront's, which asks for a viewer's signature, else a presigned S3 URL."""
    key = keys.delivery(asset, name)
    if settings.delivery_domain:
        return f"https://{settings.delivery_domain}/{key}"
    return s3.presigned_url(settings.delivery_bucket, key)


def _renditions(bucket: str, results: Results) -> list[dict[str, Any]]:
    """The planned renditions whose file exists and is not empty, with their actual size and duration."""
    planned = results.get("plan", {}).get("renditions", [])
    outputs = _outputs(planned, results)
    renditions = []
    for rendition in planned:
        head = s3.head(bucket, rendition["key"])
        if not head or not head["ContentLength"]:
            continue
        output = outputs.get(rendition["name"], {})
        key, is_playlist = rendition["key"], rendition["key"].endswith(".m3u8")
        renditions.append(
            {
                "name": rendition["name"],
                "key": key,
                "width": output.get("width") or rendition["width"],
                "height": output.get("height") or rendition["height"],
                "bytes": head["ContentLength"] + (presentation.track_bytes(bucket, key) if is_playlist else 0),
                "duration_s": output.get("duration_s"),
            }
        )
    return renditions


def _outputs(planned: Sequence[Mapping[str, Any]], results: Results) -> dict[str, Mapping[str, Any]]:
    """What was made, by name of the rendition. MediaConvert's outputs are in the order of its renditions."""
    jobs = [rendition["name"] for rendition in planned if rendition.get("engine", "mediaconvert") == "mediaconvert"]
    of_job = dict(zip(jobs, results.get("transcode", {}).get("outputs", []), strict=False))
    return of_job | {output["name"]: output for output in results.get("proxy", {}).get("outputs", [])}


def _copy(settings: Settings, asset: str, source: str | None, name: str, content_type: str) -> str | None:
    if not source:
        return None
    key = keys.delivery(asset, name)
    try:
        s3.copy_object((settings.work_bucket, source), (settings.delivery_bucket, key), content_type)
    except ClientError as error:
        if aws.code(error) not in ("NoSuchKey", "404"):
            raise
        aws.logger.warning("the file has expired or was never written", extra={"asset": asset, "key": source})
        return None
    return key
