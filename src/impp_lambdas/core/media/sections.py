"""Opens a long recording without an index at any moment, where FFmpeg itself would read everything before it.

Bisection finds the piece to begin with; :mod:`impp_footage.container_layouts` describes the pieces. The demuxer then
gets a view of the file without what lies before.
"""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import av
import av.error
from av.stream import Disposition

from impp_footage.container_layouts import layout_of
from impp_footage.container_layouts.search import last_before
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.containers import open_media

if TYPE_CHECKING:
    from impp_footage.container_layouts.layout import Layout, Point

MARGINS_S = (12.0, 36.0, 120.0)
"""Seconds before its start at which a section is opened, so that it begins with a keyframe. The next margin is tried
where there is none; if there is none in the last, the file is read from its start."""
SOUND_MARGIN_S = 1.0
"""The same for sound, which has no keyframes."""
OVERLAP_S = 5.0
"""Sound and pictures of the same moment are at most so far apart in a file."""
SCAN_PACKETS = 20_000
"""Most packets that are read to find a section's first keyframe."""


def section(file: Any, start: float, end: float, *, is_sound: bool = False) -> tuple[Any, float | None]:
    """What to open of `file` (read, seek, tell) for the time between two moments, and the container's time of the
    recording's first moment; the file itself and None if its demuxer seeks well. What is before `start` or after `end`
    may be missing. With `is_sound` no keyframe is needed.
    """
    layout = layout_of(file)
    if layout is not None:
        with suppress(Unreadable, av.error.FFmpegError):  # damaged: let the demuxer read all of it
            return _section(file, layout, start, end, is_sound=is_sound)
    file.seek(0)
    return file, None


def _section(file: Any, layout: Layout, start: float, end: float, *, is_sound: bool) -> tuple[Any, float]:
    origin = _origin(file, layout)
    stop = _next(layout, origin + end + OVERLAP_S) if end < math.inf else None
    near = _next(layout, origin + start)  # opening an MP4 reads the head of each fragment
    for margin in (SOUND_MARGIN_S,) if is_sound else MARGINS_S:
        first = last_before(layout, origin + start - margin)
        if first is None:
            break
        if is_sound or _has_keyframe(layout.view(file, first, near), origin + start):
            return layout.view(file, first, stop), origin - layout.shift(first)
    return layout.view(file, None, stop), origin


def seek(container: Any, stream: Any, time: float) -> None:
    """Go to the keyframe of a stream before a time of the container. Raises FFmpeg's errors.

    Matroska's cues usually list the pictures alone: a seek by the sound track would read everything up to the time."""
    videos = container.streams.video if "matroska" in container.format.name else ()
    guide = videos[0] if videos else stream
    ticks = int(time / guide.time_base)
    container.seek(max(ticks, guide.start_time or 0), stream=guide, backward=True)


def length(file: Any) -> float | None:
    """Seconds from the first packet of a file without an index to the end of its last; None if it has an index."""
    layout = layout_of(file)
    last = last_before(layout, math.inf) if layout else None
    if layout is None or last is None:
        return None
    end = -math.inf
    with open_media(layout.view(file, last, None)) as container, suppress(av.error.FFmpegError):
        for packet in container.demux():
            if packet.pts is not None and packet.time_base:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    seconds = end + layout.shift(last) - _origin(file, layout)
    return seconds if 0 < seconds < math.inf else None


def _origin(file: Any, layout: Layout) -> float:
    first = layout.after(layout.head)
    with open_media(
        layout.view(file, None, layout.after(first.offset + layout.OPENING) if first else None)
    ) as container:
        return (container.start_time or 0) / av.time_base


def _next(layout: Layout, time: float) -> Point | None:
    """The first piece after a time, None if it is the first one or there is none."""
    last = last_before(layout, time)
    return layout.after(last.offset + 1) if last else None


def _has_keyframe(view: Any, until: float) -> bool:
    """Whether the picture at a time of the container can be decoded from what comes before."""
    with open_media(view) as container, suppress(av.error.FFmpegError):
        video = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
        if video is None:
            return True
        for packet in islice(container.demux(video), SCAN_PACKETS):
            if packet.pts is not None and float(packet.pts * packet.time_base) > until:
                return False
            if packet.is_keyframe and packet.pts is not None:
                return True
    return False
