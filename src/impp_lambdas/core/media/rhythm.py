"""Measures how fast the frames and keyframes of a recording follow each other, for containers without a table of them:
Matroska and WebM state an average rate, if any."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import av
import av.error

from impp_footage.tables import pace_of
from impp_lambdas.core.media.containers import open_media

MOST_PACKETS = 2000
"""Frames that stand for the whole file: over a minute."""
MOST_BYTES = 32 << 20
"""Most bytes that are read for them, sound included."""


def rhythm(file: Any) -> dict[str, Any] | None:
    """`{fps, is_variable, keyframe_s}` of the first track of moving pictures of `file` (read, seek, tell): the rate of
    its faster passages, and the average seconds between keyframes, None with fewer than two. None without pictures.
    Raises :class:`~impp_lambdas.core.intake.unreadable.Unreadable`."""
    with open_media(file) as container:
        if not container.streams.video:
            return None
        track = container.streams.video[0]
        times, keys = _times(container, track)
    if len(times) < 2 or not track.time_base:
        return None
    pace = pace_of(Counter(b - a for a, b in pairwise(times)).items(), float(1 / track.time_base))
    if pace is None:
        return None
    apart = float((keys[-1] - keys[0]) * track.time_base) / (len(keys) - 1) if len(keys) > 1 else None
    return {"fps": pace.fps, "is_variable": pace.is_variable, "keyframe_s": apart}


def _times(container: Any, track: Any) -> tuple[list[int], list[int]]:
    """When the first frames are shown, and the keyframes among them, in ticks and in order."""
    times: list[int] = []
    keys: list[int] = []
    size = 0
    try:
        for packet in container.demux():
            size += packet.size
            if packet.stream is track and packet.pts is not None and packet.size:
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
            if len(times) >= MOST_PACKETS or size >= MOST_BYTES:
                break
    except av.error.FFmpegError:  # a truncated end
        pass
    return sorted(times), sorted(keys)
