"""Whether an original plays in browsers as it is, so that whoever may read it needs no rendition.

Browsers turn pictures by the container's matrix, but do not mirror them. The table is strict: it has what Chromium,
Firefox and Safari all play (https://developer.mozilla.org/en-US/docs/Web/Media/Guides/Formats). QuickTime's container
and HEVC are not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impp_lambdas.core.money.storage import CLASSES

VIDEO = {
    "mp4": (frozenset({"h264"}), frozenset({"aac", "mp3"})),
    "webm": (frozenset({"vp8", "vp9"}), frozenset({"opus", "vorbis"})),
}
"""Codecs of picture and sound by container."""
AUDIO = {"mp4": frozenset({"aac"}), "mp3": frozenset({"mp3"}), "flac": frozenset({"flac"})}
IMAGES = frozenset({"jpeg", "png", "gif", "webp"})
PIXELS = "4:2:0 8-bit"
_ARCHIVED = frozenset(row.name for row in CLASSES if not row.instant)


def original_playable(facts: Mapping[str, Any], storage_class: str | None) -> dict[str, Any]:
    """`{playable, why}` of an original; `storage_class` is that which it goes to, None if it stays."""
    obstacle = _obstacle(facts) or (f"{storage_class} has to be restored first" if storage_class in _ARCHIVED else None)
    codecs = " and ".join(str(facts[name]) for name in ("video_codec", "audio_codec") if facts.get(name))
    what = f"{codecs} in {facts['container']}" if codecs else facts["container"]
    return {"playable": obstacle is None, "why": obstacle or f"browsers play {what}"}


def _obstacle(facts: Mapping[str, Any]) -> str | None:
    kind, container = facts["kind"], facts["container"]
    if facts.get("is_mirrored"):
        return "browsers do not mirror the picture"
    if kind == "image":
        return None if container in IMAGES else f"not every browser shows {container}"
    sound = facts.get("audio_codec") if facts.get("has_audio") else None
    if kind == "audio":
        return None if sound in AUDIO.get(container, ()) else f"not every browser plays {sound} in {container}"
    if container not in VIDEO:
        return f"not every browser plays the container {container}"
    pictures, sounds = VIDEO[container]
    if facts.get("video_codec") not in pictures:
        return f"not every browser plays {facts.get('video_codec')} in {container}"
    if sound and sound not in sounds:
        return f"not every browser plays {sound} in {container}"
    if facts.get("pixel_format") != PIXELS:
        return f"browsers play {PIXELS}, and the picture is {facts.get('pixel_format') or 'of unknown format'}"
    return None
