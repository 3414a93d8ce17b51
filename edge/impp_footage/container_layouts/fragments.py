"""Fragments of MP4 (ISO/IEC 14496-12, 8.8) without an index of them (`sidx`, `mfra`)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from impp_footage import boxes
from impp_footage.container_layouts.layout import Layout, Point
from impp_footage.container_layouts.search import FARTHEST, occurrences
from impp_footage.container_layouts.views import Padded

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader

SMALLEST, LARGEST = 24, 64 << 20
"""Bytes of a `moof`: its own header and `mfhd` at least."""


@dataclass(frozen=True)
class Fragments(Padded):
    """A file of fragments. `scales` has the time units per second of each track, by its id."""

    file: RangeReader
    head: int
    scales: dict[int, int]

    def after(self, offset: int, most: int = FARTHEST) -> Point | None:
        for at in occurrences(self.file, b"moof", max(offset, self.head) + 4, most=most):
            data = self.file.read(at - 4, 4096)
            size = int.from_bytes(data[:4], "big")
            time = self._time(data[8:size]) if SMALLEST <= size <= LARGEST and data[12:16] == b"mfhd" else None
            if time is not None:
                return Point(at - 4, time)
        return None

    def padding(self, length: int) -> bytes:
        return struct.pack(">I4sQ", 1, b"free", length)

    def _time(self, data: bytes) -> float | None:
        """The base time of the first track of a fragment."""
        header, time = data.find(b"tfhd"), data.find(b"tfdt")
        if header < 0 or time < 0 or time + 16 > len(data):
            return None
        scale = self.scales.get(int.from_bytes(data[header + 8 : header + 12], "big"))
        length = 8 if data[time + 4] else 4
        return int.from_bytes(data[time + 8 : time + 8 + length], "big") / scale if scale else None


def layout(file: RangeReader) -> Layout | None:
    """Read the boxes before the first fragment."""
    movie = None
    for box in boxes.children(file):
        if box.kind == b"moov":
            movie = box
        elif box.kind == b"moof":
            return Fragments(file, box.start, scales(file, movie)) if movie else None
        elif box.kind in (b"sidx", b"mdat"):
            return None
    return None


def scales(file: RangeReader, movie: boxes.Box) -> dict[int, int]:
    """Time units per second of a movie's tracks, by their ids."""
    units = {}
    for track in boxes.children(file, movie):
        header = boxes.find(file, b"tkhd", within=track) if track.kind == b"trak" else None
        media = boxes.find(file, b"mdia", b"mdhd", within=track) if header else None
        if header and media:
            track_id, scale = (_after_times(boxes.content(file, box, 32)) for box in (header, media))
            units[track_id] = scale
    return units


def _after_times(content: bytes) -> int:
    """The number behind the two dates of `tkhd` (the track's id) and `mdhd` (its units per second)."""
    at = 20 if content[:1] == b"\x01" else 12
    return int.from_bytes(content[at : at + 4], "big")
