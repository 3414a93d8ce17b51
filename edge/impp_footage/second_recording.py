"""Where a second recording begins in a file, behind the first: files that were appended to each other (`cat`).

Readers of formats with an index or lengths show the first one only, or half of the second. Transport and program
streams, MP3, AAC and Ogg are made to be appended, so they are not looked at; :mod:`impp_footage.movies` looks at MP4
without fragments.

A file without an index may state no lengths, but its pieces state their times. So a second recording shows at one of a
few places, where the time is earlier than before.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice, pairwise

from impp_footage import boxes, ebml
from impp_footage.container_layouts import flac, fragments, matroska
from impp_footage.container_layouts.layout import Pieces, Point
from impp_footage.container_layouts.search import CLOSE, occurrences
from impp_footage.reader import Budget, BudgetExceeded, RangeReader, within

MOST_CHUNKS = 256
"""Most RIFF chunks of an AVI; each but the first holds about a gigabyte (OpenDML AVI File Format Extensions, 1.02)."""
PiecesOf = Callable[[RangeReader], Pieces | None]
Begins = Callable[[RangeReader, int], int | None]
"""Where a recording begins that has the mark of its head at an offset; None if that is no head."""

NEAR, MOST_NEAR = 16 << 10, 500
"""Bytes at both ends whose pieces are all compared, and most pieces."""
FAR = 8 << 20
"""Bytes in which the next piece is looked for: a second at 64 Mbit/s."""
MOST_READS, MOST_BYTES = 10_000, 128 << 20
"""What comparing times may read. Network requests are far fewer: most reads are close to each other."""
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_FILESIZE = b"\x00\x08filesize\x00"
"""A property of FLV's `onMetaData` and the mark of a number (AMF 0, 2.2 and 2.5)."""


def offset(file: RangeReader, container: str) -> int | None:
    """The offset of a second recording in a file of a format (:func:`impp_footage.formats.sniff`), None without one."""
    match container:
        case "avi" | "wave":
            return _riff(file)
        case "matroska":
            return _matroska(file)
        case "flv":
            return _flv(file)
        case "flac":
            return _restart(file, flac.frames, flac.Frames.HEAD, _begins_flac)
        case "mp4":
            return _restart(file, fragments.layout, b"ftyp", _begins_movie)
    return None


def _riff(file: RangeReader) -> int | None:
    """By the lengths of the RIFF chunks. Those of a long AVI are followed by others of the form ``AVIX``."""
    first = file.read(0, 12)
    at = 0
    for _ in range(MOST_CHUNKS):
        head = file.read(at, 12)
        if head[:4] != b"RIFF" or head[8:12] not in (first[8:12], b"AVIX"):
            return None
        if at and head[8:12] == first[8:12]:
            return at
        length = int.from_bytes(head[4:8], "little")
        if length in (0, 0xFFFFFFFF):
            return None
        at += 8 + length + length % 2
    return None


def _matroska(file: RangeReader) -> int | None:
    """By the length of the segment. A recorder that was stopped leaves it unknown: by the times of the clusters."""
    at = 0
    for wanted in (_EBML, _SEGMENT):
        head = file.read(at, 12)
        size = ebml.value(head[4 : 4 + ebml.length(head, 4)]) if head[:4] == wanted else None
        if size is None:
            return _restart(file, matroska.layout, _EBML, _begins_matroska)
        at += 4 + ebml.length(head, 4) + size
    return at if file.read(at, 4) == _EBML else None


def _flv(file: RangeReader) -> int | None:
    """By the size that its first tag states."""
    head = file.read(0, 4096)
    at = head.find(_FILESIZE) + len(_FILESIZE)
    if at < len(_FILESIZE) or at + 8 > len(head):
        return None
    (size,) = struct.unpack_from(">d", head, at)
    return int(size) if 13 < size < file.size and file.read(int(size), 4) == b"FLV\x01" else None


def _restart(file: RangeReader, pieces_of: PiecesOf, mark: bytes, begins: Begins) -> int | None:
    """By the times of pieces, which begin again behind the head of another recording, in which there is a `mark`. None
    if that takes more reads than :data:`MOST_READS` and :data:`MOST_BYTES`."""
    with suppress(BudgetExceeded):
        pieces = pieces_of(within(file, Budget(MOST_READS, MOST_BYTES)))
        for before, after in pairwise(_points(pieces)) if pieces else ():
            if pieces and after.offset > before.offset and after.time <= before.time:
                first, last = _narrowed(pieces, before, after)
                for at in occurrences(pieces.file, mark, first.offset + 1, most=last.offset - first.offset):
                    if (start := begins(pieces.file, at)) is not None:
                        return start
    return None


def _points(pieces: Pieces) -> Iterator[Point]:
    """Pieces in order of place: all near both ends, and between them at distances from the ends that grow by half. So
    of two recordings of similar rates the shorter has a piece that is later than the other's next one."""
    first, size = pieces.head, pieces.file.size
    distances = [NEAR]
    while distances[-1] < size - first:
        distances.append(distances[-1] * 3 // 2)
    places = {first, *(first + n for n in distances), *(size - n for n in distances)}
    ends = first, max(first, size - NEAR)
    for place in sorted(place for place in places if first <= place < size):
        point = pieces.after(place, FAR)
        if point:
            yield point
        count = MOST_NEAR if place in ends else 0
        while point and count and point.offset < place + NEAR and (point := pieces.after(point.offset + 1, FAR)):
            count -= 1
            yield point


def _narrowed(pieces: Pieces, before: Point, after: Point) -> tuple[Point, Point]:
    """Two pieces within :data:`CLOSE`, if there are such, of which the second has the earlier time."""
    end = after.offset
    while end - before.offset > CLOSE:
        middle = (before.offset + end) // 2
        point = pieces.after(middle, FAR)
        if point and point.offset < after.offset and point.time > before.time:
            before = point
            continue
        end = middle
        if point and point.offset < after.offset:
            after = point
    return before, after


def _begins_flac(file: RangeReader, at: int) -> int | None:
    """STREAMINFO of 34 bytes is the first block (RFC 9639, 8.2)."""
    return at if file.read(at + 4, 4) in (b"\0\0\0\x22", b"\x80\0\0\x22") else None


def _begins_movie(file: RangeReader, at: int) -> int | None:
    head = [box.kind for box in islice(boxes.walk(file, at - 4), 2)]
    return at - 4 if head[:1] == [b"ftyp"] and head[1:] in ([b"moov"], [b"free"], [b"uuid"], [b"skip"]) else None


def _begins_matroska(file: RangeReader, at: int) -> int | None:
    head = file.read(at, 64)
    return at if b"matroska" in head or b"webm" in head else None
