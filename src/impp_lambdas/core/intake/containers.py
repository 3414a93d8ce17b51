"""What a file is by its first bytes, and whether an MP4 is whole by its top-level boxes: both before anything is paid.

Reading is by ``Read(start, length) -> bytes``, which returns fewer bytes at the end of the file, so that a 100 GB
object costs a handful of ranged requests of a few bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Read = Callable[[int, int], bytes]

HEAD_BYTES = 4096
MAX_BOXES = 1000
"""Top-level boxes walked before an MP4 is taken as it is: more of them means fragments or junk, not truncation."""

_IMAGES = {"jpeg", "png", "gif", "webp", "tiff", "heif", "avif"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
_MP4_FIRST = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"}
_PREFIXES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"\x00\x00\x01\xba", "mpegps"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"\x06\x0e\x2b\x34", "mxf"),
    (b"ID3", "mp3"),
    (b"#!AMR", "amr"),
)
_RIFF = {b"AVI ": "avi", b"WAVE": "wave", b"WEBP": "webp"}


def sniff(head: bytes) -> str | None:
    """The container or image format by magic numbers, None for what is no media. Reads the first :data:`HEAD_BYTES`."""
    for prefix, name in _PREFIXES:
        if head.startswith(prefix):
            return name
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[4:8] in _MP4_FIRST:
        brand = head[8:12] if head[4:8] == b"ftyp" else b""
        return "avif" if brand == b"avif" else "heif" if brand in _HEIF_BRANDS else "mp4"
    if _repeats(head, 0x47, 0, 188) or _repeats(head, 0x47, 4, 192):  # 192: M2TS, a time code before each packet
        return "mpegts"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 2 and head[0] == 0xFF and _mpeg_audio(head[1], head[2]):
        return "mp3"
    return None


def is_image(container: str) -> bool:
    """Whether a sniffed format is a still picture."""
    return container in _IMAGES


@dataclass(frozen=True)
class Mp4:
    """``damage`` says in words what is missing, None for a whole file; ``created`` is the container's own time, UTC."""

    damage: str | None
    created: datetime | None


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    size: int
    header: int


def walk_mp4(read: Read, size: int) -> Mp4:
    """Walk the top-level boxes of an MP4 or QuickTime file of ``size`` bytes.

    A camera that loses power leaves an ``mdat`` longer than the file or no ``moov``: neither decodes. Bytes after
    a whole movie that are no box (padding that some cameras leave) do no harm, nor does a last fragment cut short.
    """
    seen: set[bytes] = set()
    created = None
    for box in _boxes(read, size):
        if box.kind == b"moof":
            return Mp4(None if b"moov" in seen else "fragments without a moov box", created)
        if not box.kind.isalnum() and b"moov" in seen and b"mdat" in seen:
            break
        if box.size < box.header:
            return Mp4(f"a broken box at byte {box.start}", created)
        if box.start + box.size > size:
            if {b"moov", b"mdat"} <= seen:
                break
            return Mp4(f"{_name(box)} needs {box.start + box.size} bytes, the file has {size}", created)
        if box.kind == b"moov":
            created = _created(read(box.start + box.header, 32))
        seen.add(box.kind)
    missing = [name for name in (b"moov", b"mdat") if name not in seen]
    return Mp4(f"no {' and no '.join(m.decode() for m in missing)} box" if missing else None, created)


def riff_damage(head: bytes, size: int) -> str | None:
    """What an AVI or WAVE lacks by its first chunk's size, None for nothing (some recorders leave 0 or -1 there)."""
    (declared,) = struct.unpack_from("<I", head, 4)
    if declared in (0, 0xFFFFFFFF) or head[:4] == b"RF64" or declared + 8 <= size:
        return None
    return f"the RIFF chunk needs {declared + 8} bytes, the file has {size}"


def image_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF or JPEG whose first bytes these are, None where they do not tell."""
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        width, height = struct.unpack_from(">II", head, 16)
        return width, height
    if head.startswith(b"GIF8") and len(head) >= 10:
        width, height = struct.unpack_from("<HH", head, 6)
        return width, height
    return _jpeg_size(head) if head.startswith(b"\xff\xd8") else None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + length
    return None


def mp4_rotation(read: Read, size: int) -> int:
    """Clockwise degrees by which an MP4's or QuickTime's picture is turned to be upright, by its track header's matrix.

    0 where nothing tells. Some ten reads of a few bytes.
    """
    movie = next((box for box in _boxes(read, size) if box.kind == b"moov" or box.size < box.header), None)
    for track in _within(read, movie, b"trak") if movie else ():
        for header in _within(read, track, b"tkhd"):
            if (turned := _turned(read(header.start + header.header, 96))) is not None:
                return turned
            break
    return 0


def _within(read: Read, parent: _Box, kind: bytes) -> Iterator[_Box]:
    for box in _boxes(read, parent.start + parent.size, parent.start + parent.header):
        if box.size < box.header:
            return
        if box.kind == kind:
            yield box


def _turned(tkhd: bytes) -> int | None:
    """The rotation of a track with a picture (ISO/IEC 14496-12, 8.3.2), None for one without."""
    at = 52 if tkhd[:1] == b"\x01" else 40
    if len(tkhd) < at + 44:
        return None
    a, b = struct.unpack_from(">ii", tkhd, at)
    width, height = struct.unpack_from(">II", tkhd, at + 36)
    return round(math.degrees(math.atan2(b, a))) % 360 if width and height else None


def _boxes(read: Read, size: int, at: int = 0) -> Iterator[_Box]:
    for _ in range(MAX_BOXES):
        header = read(at, 16) if at + 8 <= size else b""
        if len(header) < 8:
            return
        length, kind, used = int.from_bytes(header[:4]), header[4:8], 8
        if length == 1 and len(header) == 16:
            length, used = int.from_bytes(header[8:16]), 16
        elif length == 0:  # to the end of the file
            length = size - at
        yield _Box(kind, at, length, used)
        at += length


def _created(mvhd: bytes) -> datetime | None:
    """The creation time of a movie header that stands first in its ``moov``: seconds since 1904."""
    if mvhd[4:8] != b"mvhd" or len(mvhd) < 20:
        return None
    seconds = int.from_bytes(mvhd[12:20] if mvhd[8] == 1 else mvhd[12:16])
    return datetime(1904, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds) if 0 < seconds < 1 << 33 else None


def _name(box: _Box) -> str:
    return f"the {box.kind.decode('ascii', 'replace')} box"


def _mpeg_audio(first: int, second: int) -> bool:
    """The rest of a frame header of MPEG audio, layer II or III, after 0xFF. (0xFF 0xFE is a text in UTF-16.)"""
    version, layer, rate, sampling = first >> 3 & 3, first >> 1 & 3, second >> 4, second >> 2 & 3
    return first >> 5 == 7 and version != 1 and layer in (1, 2) and rate not in (0, 15) and sampling != 3


def _repeats(head: bytes, sync: int, first: int, every: int) -> bool:
    return len(head) > first + 2 * every and all(head[first + n * every] == sync for n in range(3))
