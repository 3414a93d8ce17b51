"""Describes a file's tracks with FFmpeg, for files that MediaConvert's Probe does not read."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import av.error
from av.stream import Disposition

from impp_lambdas.core.media.containers import open_media

MAX_TRACKS = 64


def describe(file: Any) -> dict[str, Any]:
    """The entry of `ProbeResults` that Probe would return for `file` (read, seek, tell), as far as its facts are read.

    Codecs have FFmpeg's names. The container has no `Format`, because Probe has no name for it either. Raises
    :class:`~impp_lambdas.core.intake.unreadable.Unreadable`.
    """
    with open_media(file) as container:
        tracks = [track for stream in list(container.streams)[:MAX_TRACKS] if (track := _track(stream))]
        described: dict[str, Any] = {"Tracks": tracks}
        if container.duration and container.duration > 0:
            described["Duration"] = float(container.duration / av.time_base)
        return {"Container": described}


def _track(stream: Any) -> dict[str, Any] | None:
    """A track of picture or sound that has a decoder; a cover is none."""
    context = stream.codec_context
    if context is None or stream.type not in ("video", "audio") or stream.disposition & Disposition.attached_pic:
        return None
    track: dict[str, Any] = {"TrackType": stream.type, "Codec": context.name}
    if stream.duration and stream.time_base:
        track["Duration"] = float(stream.duration * stream.time_base)
    if stream.type == "audio":
        return track | {"AudioProperties": {"Channels": context.channels or None}}
    picture: dict[str, Any] = {"Width": context.width, "Height": context.height}
    for name, value in (("FrameRate", stream.guessed_rate), ("SampleAspectRatio", stream.sample_aspect_ratio)):
        if value:
            ratio = Fraction(value)
            picture[name] = {"Numerator": ratio.numerator, "Denominator": ratio.denominator}
    return track | {"VideoProperties": picture}
