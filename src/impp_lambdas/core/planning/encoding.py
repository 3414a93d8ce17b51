"""The MediaConvert job of an original's renditions: single files, and the tracks of an HLS presentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.planning import hls, jobs, ladder

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Streams


def job_settings(
    asset: str, original: str, delivery_bucket: str, renditions: Sequence[ladder.Rendition], streams: Streams
) -> dict[str, Any] | None:
    """`Settings` of CreateJob for an original at `original` (`s3://bucket/key`): outputs in the order of the
    renditions, of which single files come first. None without renditions."""
    if not renditions:
        return None
    tracks = [rendition for rendition in renditions if hls.is_track(rendition.name)]
    files = [rendition for rendition in renditions if rendition not in tracks]
    settings = jobs.settings(original, f"s3://{delivery_bucket}/assets/{asset}/video", files or tracks, streams)
    if not files:
        settings["OutputGroups"] = []
    if tracks:
        settings["OutputGroups"].append(hls.group(delivery_bucket, asset, tracks, streams))
    return settings
