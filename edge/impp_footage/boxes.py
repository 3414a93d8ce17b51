"""The boxes of an ISO base media file (MP4, MOV, 3GP, M4A, HEIC): finding them, and what the movie's header says.

Only headers are read: some ten reads of a few bytes, at most :data:`MAX_BOXES`. ISO/IEC 14496-12, 4.2 (boxes), 8.2.2
(``mvhd``), 8.3.2 (``tkhd``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from impp_footage.orientation import UPRIGHT, Orientation, of_matrix
from impp_footage.reader import RangeReader

MAX_BOXES = 4096
"""Most boxes read on one level: a fragment is two of them, so an hour of one-second fragments still fits."""

_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)


class Box(NamedTuple):
    """``start`` of the header, ``body`` of the content, ``end`` as declared, which may lie behind the file's."""

    kind: bytes
    start: int
    body: int
    end: int

    @property
    def is_broken(self) -> bool:
        """Whether its declared end lies before its content."""
        return self.body > self.end


def walk(file: RangeReader, at: int = 0, end: int | None = None) -> Iterator[Box]:
    """Boxes as their headers declare them. A broken one is the last."""
    end = file.size if end is None else end
    for _ in range(MAX_BOXES):
        header = file.read(at, 16) if at + 8 <= end else b""
        if len(header) < 8:
            return
        length, used = int.from_bytes(header[:4], "big"), 8
        if length == 1 and len(header) == 16:
            length, used = int.from_bytes(header[8:], "big"), 16
        elif length == 0:  # to the end of the file
            length = end - at
        yield Box(header[4:8], at, at + used, at + length)
        if length < used:
            return
        at += length


def children(file: RangeReader, parent: Box | None = None, skip: int = 0) -> Iterator[Box]:
    """The boxes in another one (None: in the file), after ``skip`` bytes; ends at the first that is not a box."""
    at, end = (parent.body + skip, min(parent.end, file.size)) if parent else (0, file.size)
    for box in walk(file, at, end):
        if box.is_broken:
            return
        yield box._replace(end=min(box.end, end))


def find(file: RangeReader, *path: bytes, within: Box | None = None) -> Box | None:
    """The first box at a path such as ``moov``, ``mvhd``, its end clipped to the file's."""
    parent = within
    for kind in path:
        parent = next((box for box in children(file, parent) if box.kind == kind), None)
        if parent is None:
            return None
    return parent


def content(file: RangeReader, box: Box, most: int) -> bytes:
    """The first ``most`` bytes of a box's content."""
    return file.read(box.body, min(box.end - box.body, most))


def created(file: RangeReader, movie: Box | None = None) -> datetime | None:
    """When an MP4 or QuickTime file was made, by its ``mvhd``; ``movie`` is its ``moov``, where that is known."""
    header = find(file, b"mvhd", within=movie) if movie else find(file, b"moov", b"mvhd")
    body = content(file, header, 12) if header else b""
    wide = body[:1] == b"\x01"
    seconds = int.from_bytes(body[4:12] if wide else body[4:8], "big")
    if len(body) < (12 if wide else 8) or not 0 < seconds < 1 << 33:
        return None
    return _EPOCH + timedelta(seconds=seconds)


def orientation(file: RangeReader) -> Orientation:
    """How a movie's picture is shown, by its track header's matrix; upright where there is none."""
    movie = find(file, b"moov")
    for track in children(file, movie) if movie else ():
        header = find(file, b"tkhd", within=track) if track.kind == b"trak" else None
        if header and (shown := _shown(content(file, header, 96))) is not None:
            return shown
    return UPRIGHT


def _shown(tkhd: bytes) -> Orientation | None:
    """The orientation of a track with a picture, None for one without."""
    at = 52 if tkhd[:1] == b"\x01" else 40
    if len(tkhd) < at + 44:
        return None
    a, b, _, c, d = struct.unpack_from(">5i", tkhd, at)
    width, height = struct.unpack_from(">II", tkhd, at + 36)
    return of_matrix(a, b, c, d) if width and height else None
