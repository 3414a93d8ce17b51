"""Encodes a rung of an HLS presentation: pictures without sound, as fragments whose byte ranges are segments.

A film takes longer than a function may run. So a rung is made in parts: a call encodes whole segments from a given one
on, until its time is up, into a file of its own. Segments of all rungs begin at the same times: every
:data:`SEGMENT_GROUPS` groups of pictures, counted from the recording's start. There are no B-pictures, so that decoding
times are those of showing, and begin at zero.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
from av.stream import Disposition

from impp_footage import boxes, reader
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media import sections
from impp_lambdas.core.media.containers import create_fragments, open_media
from impp_lambdas.core.media.proxy import Effort, IsLate, Pictures, Size, group_slots, transcode

SEGMENT_GROUPS = 3
"""Groups of 2 s in a segment of 6 s (core/planning/hls.py has the reason for that length)."""
MARGIN_S = 4.0
"""How far before its first segment a part begins to decode: an index may be wrong by a keyframe."""
MOST_GROUPS = 1800
"""Most groups of pictures in a part: an hour."""
EFFORT = Effort(preset="veryfast", crf=24, x264=":bframes=0")
"""Sharper than a proxy, because it is watched, not searched."""


@dataclass(frozen=True)
class Part:
    """A file with segments from `first` on, each `(seconds, offset, bytes)`; before them are `header` bytes of the
    initialization. `next` is the segment to go on with, None at the end. `codecs` is the codec by RFC 6381."""

    first: int
    header: int
    segments: tuple[tuple[float, int, int], ...]
    next: int | None
    codecs: str


def encode(file: Any, path: Path, size: Size, first: int, is_late: IsLate) -> Part:
    """Write segments of `file` (read, seek, tell) to `path`, from segment `first` on.

    Raises :class:`~impp_lambdas.core.intake.unreadable.Unreadable` if there is no picture, or not one whole segment in
    the time.
    """
    slots = SEGMENT_GROUPS * group_slots(size.fps)
    start = max(0.0, float(first * slots / size.fps) - MARGIN_S)
    view, origin = sections.section(file, start, math.inf) if first else (file, None)
    with open_media(view) as source:
        video = next((s for s in source.streams.video if not s.disposition & Disposition.attached_pic), None)
        if video is None:
            raise Unreadable("it has no video")
        if first:
            begin = (source.start_time or 0) / av.time_base if origin is None else origin
            with suppress(av.error.FFmpegError):  # not seekable: read from the beginning
                source.seek(int((begin + start) * av.time_base))
        with create_fragments(path) as target:
            pictures = Pictures(video, target, size, EFFORT, path.with_suffix(".cube"), first * slots)
            is_over = lambda: is_late() or len(pictures.groups) > MOST_GROUPS  # noqa: E731
            is_complete = transcode(source, {video.index: pictures}, size, is_over, origin)
            pictures.finish()
    return _part(path, pictures, size, first, is_complete=is_complete)


def _part(path: Path, pictures: Pictures, size: Size, first: int, *, is_complete: bool) -> Part:
    none = Unreadable("no picture of the video could be decoded" if is_complete else "decoding it takes too long")
    if not pictures.groups:
        raise none
    header, fragments, codecs = _layout(path)
    per_segment = SEGMENT_GROUPS * group_slots(size.fps)
    starts: dict[int, int] = {}
    """Offset of the first fragment of each segment."""
    for slot, (offset, _) in zip(pictures.groups, fragments, strict=True):
        starts.setdefault(slot // per_segment, offset)
    numbers, end = sorted(starts), sum(fragments[-1])
    if not is_complete:
        end = starts[numbers.pop()]  # a segment that may go on
    if not numbers:
        raise none
    offsets = [*(starts[number] for number in numbers), end]
    segment_s = float(per_segment / size.fps)
    times = [first * segment_s, *(number * segment_s for number in numbers[1:])]  # no picture: the next one's time
    times.append(max(pictures.seconds, times[-1] + 0.001) if is_complete else (numbers[-1] + 1) * segment_s)
    segments = tuple(
        (round(times[n + 1] - times[n], 6), offsets[n], offsets[n + 1] - offsets[n]) for n in range(len(numbers))
    )
    return Part(first, header, segments, None if is_complete else numbers[-1] + 1, codecs)


def _layout(path: Path) -> tuple[int, list[tuple[int, int]], str]:
    """Bytes before the first fragment, `(offset, bytes)` of each fragment, and the codec by RFC 6381: profile,
    constraints and level of the decoder configuration record (ISO/IEC 14496-15, 5.3.3.1)."""
    with path.open("rb") as stream:
        file = reader.of_file(stream)
        listed = list(boxes.walk(file))
        starts = [box.start for box in listed if box.kind == b"moof"]
        ends = [box.end for box in listed if box.kind == b"mdat"]
        header = starts[0] if starts else file.size
        stream.seek(0)
        record = stream.read(header).partition(b"avcC")[2]
    fragments = [(start, end - start) for start, end in zip(starts, ends, strict=True)]
    return header, fragments, f"avc1.{record[1:4].hex().upper()}"
