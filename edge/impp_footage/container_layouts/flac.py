"""Frames of FLAC (RFC 9639), each of which states its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from impp_footage.container_layouts.layout import Point
from impp_footage.container_layouts.search import FARTHEST, occurrences

if TYPE_CHECKING:
    from impp_footage.reader import RangeReader

MOST_BLOCKS = 128
"""Most blocks of metadata before the first frame."""
_HEADER = 16
"""Bytes of the longest header of a frame."""
_EXTRA = {6: 1, 7: 2}, {12: 1, 13: 2, 14: 2}
"""Bytes behind the number for a block size and a sample rate of their own, by their codes (9.1.6, 9.1.7)."""


@dataclass(frozen=True)
class Frames:
    """A file of frames, which begin with `sync`. They are numbered, or, where their lengths vary, their samples are:
    `unit_s` has the seconds per number."""

    file: RangeReader
    head: int
    sync: bytes
    unit_s: float

    HEAD: ClassVar[bytes] = b"fLaC"

    def after(self, offset: int, most: int = FARTHEST) -> Point | None:
        """The first frame that begins at or after an offset; None if there is none, or none near."""
        for at in occurrences(self.file, self.sync, max(offset, self.head), most=most):
            if (number := _number(self.file.read(at, _HEADER))) is not None:
                return Point(at, number * self.unit_s)
        return None


def frames(file: RangeReader) -> Frames | None:
    """Read the metadata; None if this is no FLAC, or no frame follows it (8.1, 8.2)."""
    start = file.read(0, 42)
    if start[:4] != Frames.HEAD or len(start) < 42:
        return None
    at = 4
    for _ in range(MOST_BLOCKS):
        block = file.read(at, 4)
        at += 4 + int.from_bytes(block[1:], "big")
        if len(block) < 4 or block[0] & 0x80:
            break
    first, rate = file.read(at, _HEADER), int.from_bytes(start[18:21], "big") >> 4
    if first[:2] not in (b"\xff\xf8", b"\xff\xf9") or _number(first) is None or not rate:
        return None
    samples = int.from_bytes(start[8:10], "big") if first[1] == 0xF8 else 1
    return Frames(file, at, first[:2], samples / rate)


def _number(header: bytes) -> int | None:
    """The number that a frame's header has, coded like a character of UTF-8; None if this is no header, as its checksum
    shows (9.1.5, 9.1.8)."""
    if len(header) < 6 or not _is_allowed(header[2] >> 4, header[2] & 15, header[3]):
        return None
    length = max(1, 8 - (header[4] ^ 0xFF).bit_length())
    extra, more = _EXTRA
    end = 4 + length + extra.get(header[2] >> 4, 0) + more.get(header[2] & 15, 0)
    if length > 7 or end >= len(header) or _crc8(header[:end]) != header[end]:
        return None
    number = header[4] & (0x7F >> length if length > 1 else 0x7F)
    for byte in header[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    return number


def _is_allowed(block_size: int, rate: int, rest: int) -> bool:
    """Whether no code of a header is reserved or forbidden; `rest` has channels, depth and a zero (9.1.1 to 9.1.4)."""
    return block_size != 0 and rate != 15 and rest >> 4 <= 10 and rest >> 1 & 7 != 3 and rest & 1 == 0


def _crc8(data: bytes) -> int:
    """The checksum of the polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc
