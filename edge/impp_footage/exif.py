"""When a picture was taken and how it is shown, by its Exif: JPEG, TIFF and DNG, HEIC and AVIF.

Exif 2.32 (CIPA DC-008): DateTimeOriginal is the camera's wall clock, OffsetTimeOriginal its distance from UTC where
the camera knows it, GPSDateStamp with GPSTimeStamp is UTC from the satellites. HEIF keeps the same TIFF block as an
item, ISO/IEC 14496-12, 8.11. At most some 30 reads of a few bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from impp_footage import boxes
from impp_footage.formats import HEIF_BRANDS
from impp_footage.orientation import OF_EXIF, UPRIGHT, Orientation
from impp_footage.reader import RangeReader

MAX_ENTRIES = 512
"""Entries of one directory that are looked at; cameras write some 60."""
_EXIF, _GPS = 0x8769, 0x8825
_ORIENTATION = 0x0112
_ORIGINAL, _OFFSET_ORIGINAL, _OFFSET = 0x9003, 0x9011, 0x9010
_GPS_TIME, _GPS_DATE = 7, 29
_SUB, _JPEG, _JPEG_BYTES, _STRIP, _STRIP_BYTES = 0x014A, 0x0201, 0x0202, 0x0111, 0x0117
_MOST_DIRECTORIES = 16


@dataclass(frozen=True, slots=True)
class PictureTime:
    """``local`` is the wall clock without a zone, ``offset`` where it is known; ``gps`` is UTC."""

    local: datetime | None = None
    offset: timezone | None = None
    gps: datetime | None = None


def read_time(file: RangeReader) -> PictureTime:
    """The time at which a picture was taken, by its Exif; empty for other files. Raises what its reader raises."""
    try:
        start = _tiff(file)
        return _read(_Tiff(file, start)) if start is not None else PictureTime()
    except _BROKEN:
        return PictureTime()


def orientation(file: RangeReader) -> Orientation:
    """How a picture is shown; upright where its Exif does not say. Raises what its reader raises."""
    try:
        start = _tiff(file)
        if start is None:
            return UPRIGHT
        tiff = _Tiff(file, start)
        return OF_EXIF.get(tiff.short(tiff.directory(tiff.first).get(_ORIENTATION)), UPRIGHT)
    except _BROKEN:
        return UPRIGHT


def previews(file: RangeReader) -> list[tuple[int, int]]:
    """Where JPEG files stand in a TIFF, as ``(offset, bytes)``, the largest first: a camera's raw photo holds some of
    what it shows. DNG 1.7 (previews in SubIFDs), TIFF 6.0 (``JPEGInterchangeFormat``)."""
    if file.read(0, 4) not in (b"II*\x00", b"MM\x00*"):
        return []
    places = []
    try:
        tiff = _Tiff(file, 0)
        for directory in tiff.directories():
            for at, length in ((_JPEG, _JPEG_BYTES), (_STRIP, _STRIP_BYTES)):
                offset, size = tiff.value(directory.get(at)), tiff.value(directory.get(length))
                if offset and size and file.read(offset, 3) == b"\xff\xd8\xff":
                    places.append((offset, min(size, file.size - offset)))
    except _BROKEN:
        pass
    return sorted(places, key=lambda place: -place[1])


def _read(tiff: _Tiff) -> PictureTime:
    first = tiff.directory(tiff.first)
    exif = tiff.directory(tiff.number(first.get(_EXIF)))
    gps = tiff.directory(tiff.number(first.get(_GPS)))
    return PictureTime(
        local=_clock(tiff.text(exif.get(_ORIGINAL))),
        offset=_offset(tiff.text(exif.get(_OFFSET_ORIGINAL)) or tiff.text(exif.get(_OFFSET))),
        gps=_satellites(tiff.text(gps.get(_GPS_DATE)), tiff.rationals(gps.get(_GPS_TIME))),
    )


_BROKEN = (struct.error, IndexError, OverflowError, UnicodeDecodeError, ZeroDivisionError, ValueError)
"""What reading a damaged block raises."""

_Entry = tuple[int, int, bytes]
"""Type, count, and the four bytes of the value or of where it stands."""


class _Tiff:
    """A TIFF block in a file: its directories by tag. ``start`` is where the block begins."""

    def __init__(self, file: RangeReader, start: int) -> None:
        self._file = file
        self._start = start
        head = self._at(0, 8)
        self._order = "<" if head[:2] == b"II" else ">"
        self.first: int = struct.unpack(self._order + "I", head[4:8])[0]

    def directory(self, at: int | None) -> dict[int, _Entry]:
        if not at:
            return {}
        count = min(struct.unpack(self._order + "H", self._at(at, 2))[0], MAX_ENTRIES)
        data = self._at(at + 2, count * 12)
        entries = struct.iter_unpack(self._order + "HHI4s", data[: len(data) // 12 * 12])
        return {tag: (kind, number, value) for tag, kind, number, value in entries}

    def directories(self) -> Iterator[dict[int, _Entry]]:
        """The directories of the pictures: those that follow each other, and those below each."""
        waiting = [self.first]
        for _ in range(_MOST_DIRECTORIES):
            if not waiting:
                return
            at = waiting.pop(0)
            directory = self.directory(at)
            if not directory:
                continue
            yield directory
            count = struct.unpack(self._order + "H", self._at(at, 2))[0]
            follows = self._at(at + 2 + 12 * count, 4)
            waiting += [*struct.unpack(self._order + "I", follows), *self._subs(directory.get(_SUB))]

    def _subs(self, entry: _Entry | None) -> tuple[int, ...]:
        if entry is None or not 0 < entry[1] <= _MOST_DIRECTORIES:
            return ()
        data = entry[2] if entry[1] == 1 else self._at(struct.unpack(self._order + "I", entry[2])[0], 4 * entry[1])
        return struct.unpack(f"{self._order}{entry[1]}I", data)

    def value(self, entry: _Entry | None) -> int | None:
        """A single number of 16 or 32 bits."""
        if entry is None or entry[1] != 1:
            return None
        return self.short(entry) if entry[0] == 3 else self.number(entry)

    def number(self, entry: _Entry | None) -> int | None:
        return struct.unpack(self._order + "I", entry[2])[0] if entry else None

    def short(self, entry: _Entry | None) -> int:
        """A number of 16 bits; 0 for none and for another type."""
        return int(struct.unpack_from(self._order + "H", entry[2])[0]) if entry and entry[0] == 3 else 0

    def text(self, entry: _Entry | None) -> str:
        if entry is None or entry[0] != 2 or not 0 < entry[1] <= 64:
            return ""
        data = entry[2] if entry[1] <= 4 else self._at(struct.unpack(self._order + "I", entry[2])[0], entry[1])
        return data[: entry[1]].split(b"\x00")[0].decode("ascii").strip()

    def rationals(self, entry: _Entry | None) -> tuple[float, ...]:
        if entry is None or entry[:2] != (5, 3):
            return ()
        parts = struct.unpack(self._order + "6I", self._at(struct.unpack(self._order + "I", entry[2])[0], 24))
        return tuple(parts[n] / parts[n + 1] for n in (0, 2, 4))

    def _at(self, at: int, count: int) -> bytes:
        return self._file.read(self._start + at, count)


def _clock(text: str) -> datetime | None:
    match = re.fullmatch(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)", text, re.ASCII)
    return datetime(*map(int, match.groups())) if match and match[1] != "0000" else None  # type: ignore[arg-type]


def _offset(text: str) -> timezone | None:
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", text, re.ASCII)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    distance = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-distance if match[1] == "-" else distance, text)  # named: +00:00 is a wall clock too, not UTC


def _satellites(date: str, time: tuple[float, ...]) -> datetime | None:
    day = _clock(f"{date} 00:00:00")
    if day is None or len(time) != 3 or not (time[0] < 24 and time[1] < 60 and time[2] < 61):
        return None
    return day.replace(tzinfo=UTC) + timedelta(hours=time[0], minutes=time[1], seconds=int(time[2]))


def _tiff(file: RangeReader) -> int | None:
    """Where the TIFF block of a picture begins, None where there is none."""
    head = file.read(0, 12)
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return 0
    if head[:3] == b"\xff\xd8\xff":
        return _in_jpeg(file)
    if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
        return _in_heif(file)
    return None


def _in_jpeg(file: RangeReader) -> int | None:
    at = 2
    for _ in range(16):  # the standard wants Exif in the first segment; a JFIF one may stand before it
        header = file.read(at, 10)
        if len(header) < 10 or header[0] != 0xFF or header[1] == 0xDA:
            return None
        if header[1] == 0xE1 and header[4:10] == b"Exif\x00\x00":
            return at + 10
        at += 2 + int.from_bytes(header[2:4], "big")
    return None


def _in_heif(file: RangeReader) -> int | None:
    """The item of type ``Exif``: ``iinf`` says its number, ``iloc`` where it stands; it begins with the distance of its
    TIFF block."""
    meta = boxes.find(file, b"meta")
    if meta is None:
        return None
    inner = {box.kind: box for box in boxes.children(file, meta, skip=4)}
    if b"iinf" not in inner or b"iloc" not in inner:
        return None
    item = _exif_item(file, inner[b"iinf"])
    at = _located(boxes.content(file, inner[b"iloc"], 64 * 1024), item) if item is not None else None
    if at is None:
        return None
    return at + 4 + int.from_bytes(file.read(at, 4), "big")


def _exif_item(file: RangeReader, iinf: boxes.Box) -> int | None:
    version = boxes.content(file, iinf, 1)
    for entry in boxes.children(file, iinf, skip=6 if version == b"\x00" else 8):
        body = boxes.content(file, entry, 16)
        wide = body[:1] == b"\x03"  # version 3 has numbers of 32 bits, version 2 of 16
        at = 8 if wide else 6
        if entry.kind == b"infe" and body[:1] in (b"\x02", b"\x03") and body[at + 2 : at + 6] == b"Exif":
            return int.from_bytes(body[4:at], "big")
    return None


def _located(iloc: bytes, wanted: int) -> int | None:
    """Where an item stands in the file by an ``iloc`` of version 0 to 2; None unless it is one piece by file offset."""
    version, sizes = iloc[0], iloc[4:6]
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    wide = 4 if version == 2 else 2
    at = 6 + wide

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(iloc):
            raise IndexError("iloc ends early")
        at += count
        return int.from_bytes(iloc[at - count : at], "big")

    for _ in range(int.from_bytes(iloc[6:at], "big")):
        item = take(wide)
        method = take(2) & 15 if version else 0
        take(2)  # data reference
        base = take(base_size)
        extents = take(2)
        first = at
        take(index_size)
        offset = take(offset_size)
        at = first + extents * (index_size + offset_size + length_size)
        if item == wanted:
            return base + offset if method == 0 and extents == 1 else None
    return None
