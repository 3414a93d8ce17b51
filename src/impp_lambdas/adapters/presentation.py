"""Delivers an HLS presentation: MediaConvert wrote it, captions are added when both exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import s3
from impp_lambdas.adapters.s3 import Upload
from impp_lambdas.core import keys
from impp_lambdas.core.planning import hls as planned
from impp_lambdas.core.results import hls

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.adapters.spoken import Spoken

CONTENT_TYPE = "application/vnd.apple.mpegurl"
"""RFC 8216, section 10."""
MAX_PLAYLIST = 64 << 10
"""Most bytes of a main playlist: a line or two per rung."""


def deliver(settings: Settings, media: Mapping[str, Any], said: Spoken, language: str | None) -> str | None:
    """The key of the main playlist, which then refers to the captions; None if there is no presentation."""
    if not any(rendition["name"].startswith(f"{planned.NAME}-") for rendition in media["plan"]["renditions"]):
        return None
    asset, bucket = media["asset"], settings.delivery_bucket
    key = planned.playlist(asset)
    if not s3.head(bucket, key):
        return None
    if said.captions:
        duration = float(media["facts"].get("duration_s") or 0)
        listed = hls.captions_playlist(f"../{said.captions.rpartition('/')[2]}", duration)
        main = s3.read_range(bucket, key, None, 0, MAX_PLAYLIST).decode()
        _put(bucket, keys.delivery(asset, "hls/captions.m3u8"), listed)
        _put(bucket, key, hls.with_captions(main, "captions.m3u8", language))
    return key


def _put(bucket: str, key: str, text: str) -> None:
    s3.put(bucket, Upload(key, text.encode(), CONTENT_TYPE, s3.JSON_CACHE))
