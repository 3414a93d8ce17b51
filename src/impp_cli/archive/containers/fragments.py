"""Length and frame rate of a movie in fragments (ISO 14496-12, 8.8), whose header states neither.

The last fragment is looked for by bisection, so that a recording of hours takes some reads. Where fragments do not
state when they begin, as those of old recorders, all are added up.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from impp_footage import boxes, tables
from impp_footage.boxes import Box
from impp_footage.container_layouts import fragments as layout
from impp_footage.container_layouts.search import last_before
from impp_footage.reader import RangeReader

MOST_BYTES: Final = 1 << 20
"""Of a table of frames that are read: those of over 65,000 frames."""


class Measured(NamedTuple):
    """A movie in fragments; `fps` is the rate of the first one, None without pictures in it."""

    seconds: float
    fps: float | None


class _Run(NamedTuple):
    """What a fragment holds of a track: when it begins, None if it does not say, and how long its frames are, with the
    number of frames of each length."""

    track: int
    start: int | None
    lengths: list[tuple[int, int]]

    @property
    def ticks(self) -> int:
        """The length of all frames."""
        return sum(length * frames for length, frames in self.lengths)


def measure(file: RangeReader, movie: Box) -> Measured | None:
    """The fragments that follow a movie's header; None if there are none."""
    extended = boxes.find(file, b"mvex", within=movie)
    first = next((box for box in boxes.children(file) if box.kind == b"moof"), None) if extended else None
    if extended is None or first is None:
        return None
    scales = layout.scales(file, movie)
    usual = dict(_usual(file, extended))
    opening = list(_runs(file, first, usual))
    pieces = layout.Fragments(file, first.start, scales)
    point = last_before(pieces, math.inf)
    last = boxes.find(file, b"moof", within=Box(b"", 0, point.offset, file.size)) if point else first
    ends = [
        (run.start + run.ticks) / scales[run.track]
        for run in (_runs(file, last, usual) if last else ())
        if run.start is not None and scales.get(run.track)
    ]
    seconds = max(ends) - _origin(file, movie, opening, scales) if ends else _sum(file, first, usual, scales)
    return Measured(seconds, _fps(file, movie, opening, scales))


def _origin(file: RangeReader, movie: Box, opening: list[_Run], scales: dict[int, int]) -> float:
    """When the recording begins: at zero where its first frames are in the header's own tables (8.2.2)."""
    header = boxes.find(file, b"mvhd", within=movie)
    body = boxes.content(file, header, 32) if header else b""
    stated = body[24:32] if body[:1] == b"\1" else body[16:20]
    if any(stated) and stated.strip(b"\xff"):
        return 0.0
    starts = [run.start / scales[run.track] for run in opening if run.start is not None and scales.get(run.track)]
    return min(starts, default=0.0)


def _usual(file: RangeReader, extended: Box) -> Iterator[tuple[int, int]]:
    """The usual length of a frame, by track (8.8.3)."""
    for box in boxes.children(file, extended):
        body = boxes.content(file, box, 16)
        if box.kind == b"trex" and len(body) == 16:
            yield int.from_bytes(body[4:8]), int.from_bytes(body[12:16])


def _runs(file: RangeReader, fragment: Box, usual: dict[int, int]) -> Iterator[_Run]:
    """What a fragment holds, by track (8.8.6 to 8.8.8, 8.8.12)."""
    for part in boxes.children(file, fragment):
        if part.kind == b"traf":
            lengths: list[tuple[int, int]] = []
            track, start, length = 0, None, 0
            for box in boxes.children(file, part):
                body = boxes.content(file, box, MOST_BYTES)
                if box.kind == b"tfhd":
                    track = int.from_bytes(body[4:8])
                    at = 8 + 8 * bool(body[3] & 1) + 4 * bool(body[3] & 2)
                    length = int.from_bytes(body[at : at + 4]) if body[3] & 8 else usual.get(track, 0)
                elif box.kind == b"tfdt":
                    start = int.from_bytes(body[4:12] if body[0] else body[4:8])
                elif box.kind == b"trun":
                    lengths += _lengths(body, length)
            yield _Run(track, start, lengths)


def _lengths(trun: bytes, usual: int) -> Iterator[tuple[int, int]]:
    """How long the frames of a run are (8.8.8): four optional fields per frame, of which the length is the first."""
    flags, count = struct.unpack_from(">II", trun)
    if not flags & 0x100:
        yield usual, count
        return
    step = 4 * ((flags >> 8 & 0xF).bit_count())
    at = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    for place in range(at, min(len(trun) - 3, at + step * count), step):
        yield int.from_bytes(trun[place : place + 4]), 1


def _sum(file: RangeReader, first: Box, usual: dict[int, int], scales: dict[int, int]) -> float:
    """The length of all fragments of the longest track."""
    seconds: dict[int, float] = {}
    for box in boxes.walk(file, first.start):
        for run in _runs(file, box, usual) if box.kind == b"moof" else ():
            if scale := scales.get(run.track):
                seconds[run.track] = seconds.get(run.track, 0.0) + run.ticks / scale
    return max(seconds.values(), default=0.0)


def _fps(file: RangeReader, movie: Box, opening: list[_Run], scales: dict[int, int]) -> float | None:
    """Pictures per second of the first fragment."""
    pictures = _pictures(file, movie)
    for run in opening:
        if run.track in pictures:  # a fragment's last frame may be stretched up to the next one
            pace = tables.pace_of(run.lengths, scales.get(run.track, 0))
            return pace.fps if pace else None
    return None


def _pictures(file: RangeReader, movie: Box) -> set[int]:
    """Tracks of pictures."""
    numbers = set()
    for track in boxes.children(file, movie):
        handler = boxes.find(file, b"mdia", b"hdlr", within=track) if track.kind == b"trak" else None
        header = boxes.find(file, b"tkhd", within=track)
        if handler and header and boxes.content(file, handler, 12)[8:12] == b"vide":
            body = boxes.content(file, header, 24)
            numbers.add(int.from_bytes(body[20:24] if body[:1] == b"\1" else body[12:16]))
    return numbers
