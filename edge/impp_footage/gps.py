"""When a clip was taken by the satellites' clock, which no owner has to set: UTC of the first fix, and nothing else.

Positions are not read: they would tell where somebody lives. Known are

- Novatek's ``freeGPS`` blocks (Viofo, Vantrue, 70mai, Nextbase and many more), listed in ``moov``/``gps `` or found by
  looking through the head of the file: layouts as nvtk_mp42gpx and ExifTool's QuickTimeStream have them;
- GoPro's GPMF track: GPSU with GPSF, and GPS9 (gopro/gpmf-parser);
- NMEA's RMC in BlackVue's ``.gps`` file, in its ``free``/``gps `` box, in ``moov``/``udta``.

A block that is scrambled or that says it has no fix says nothing. Records come once per second, so the n-th one is n
seconds behind the start; of the first minute some seven are looked at.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from impp_footage import boxes
from impp_footage.reader import Budget, BudgetExceeded, RangeReader, within

RECORDS = (0, 1, 2, 4, 8, 16, 32, 59)
"""Which records, one per second, are looked at for a fix."""
SCAN = 4 * 1024 * 1024
"""Bytes at the head of a file that are looked through for a ``freeGPS`` block that nothing lists."""
BLOCK = 256
"""Bytes of a ``freeGPS`` block in which all layouts keep their time."""
PAYLOAD = 128 * 1024
"""Most bytes of a GPMF payload; a HERO11's second has about 40 kB."""
TEXT = 16 * 1024
"""Most bytes of NMEA: about the first minute."""

MAX_READS, MAX_BYTES = 20_000, 16 * 1024 * 1024
"""What may be read in search of a fix. A clip of ten tracks with a hundred boxes each takes 1,000 reads."""

_RMC = re.compile(
    rb"\$(..RMC,(\d\d)(\d\d)(\d\d)(?:\.\d*)?,A,[\d.]*,[NS],[\d.]*,[EW],[^,*]*,[^,*]*,(\d\d)(\d\d)(\d\d)[^*\r\n]{0,40})"
    rb"(?:\*([0-9A-Fa-f]{2}))?"
)
_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def first_fix(file: RangeReader) -> datetime | None:
    """UTC at which a clip begins, by its first fix; None where it holds none that can be read, or where looking for it
    takes more than :data:`MAX_READS` reads. Raises what its reader raises."""
    file = within(file, Budget(MAX_READS, MAX_BYTES))
    try:
        movie = boxes.find(file, b"moov")
        if movie is not None:
            inner = list(boxes.children(file, movie))
            fix = _novatek(file, inner) or _gopro(file, inner) or _notes(file, inner)
            if fix is not None:
                return fix
        return _blackvue(file)
    except (BudgetExceeded, struct.error, IndexError, ArithmeticError, ValueError):
        return None


def unlisted_fix(file: RangeReader) -> datetime | None:
    """UTC of the first ``freeGPS`` block with a fix at the head of a file, for one that lists none: some firmware never
    does, and none does when the power is cut. Some 2 ms. Raises what its reader raises.
    """
    step = 1024 * 1024
    for start in range(0, min(SCAN, file.size), step):
        data = file.read(start, step + BLOCK)  # pieces overlap by a block
        at = data.find(b"freeGPS ")
        for _ in range(64):
            if at < 4:
                break
            if (fix := free_gps(data[at - 4 : at - 4 + BLOCK])) is not None:
                return fix
            at = data.find(b"freeGPS ", at + 8)
    return None


def nmea(text: bytes) -> datetime | None:
    """UTC of the first RMC sentence with a fix and a right check sum in a text such as BlackVue's ``.gps``."""
    for match in _RMC.finditer(text[:TEXT]):
        checksum = match[8]
        if checksum and _xor(match[1]) != int(checksum, 16):
            continue
        hour, minute, second, day, month, year = (int(match[n]) for n in range(2, 8))
        if (fix := _utc(2000 + year, month, day, hour, minute, second)) is not None:
            return fix
    return None


def _xor(text: bytes) -> int:
    value = 0
    for byte in text:
        value ^= byte
    return value


def _utc(year: int, month: int, day: int, hour: int, minute: int, second: float) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, min(int(second), 59), tzinfo=UTC)
    except (ValueError, OverflowError):  # of a number that is no C integer
        return None


# --- Novatek ----------------------------------------------------------------------------------------------------------


def _novatek(file: RangeReader, movie: list[boxes.Box]) -> datetime | None:
    index = next((box for box in movie if box.kind == b"gps "), None)
    if index is None:
        notes = next((box for box in movie if box.kind == b"udta"), None)
        index = boxes.find(file, b"gps ", within=notes) if notes else None
    if index is None:
        return None
    listed = boxes.content(file, index, 8 + 8 * (RECORDS[-1] + 1))[8:]  # behind version and count: offset, size
    for number in RECORDS:
        at = int.from_bytes(listed[8 * number : 8 * number + 4], "big")
        if 0 < at < file.size and (fix := free_gps(file.read(at, BLOCK))) is not None:
            return fix - timedelta(seconds=number)
    return None


def free_gps(block: bytes) -> datetime | None:
    """UTC of one ``freeGPS`` block that begins with its length; None without a fix and of no known layout.

    Azdome's (XOR 0xAA) and the ATC ones are scrambled: None.
    """
    if len(block) < 92 or block[4:12] != b"freeGPS ":
        return None
    if block[18:26] == b"\xaa\xaa\xf2\xe1\xf0\xee\x54\x54" or block[0x45:0x48] == b"ATC":
        return None
    if block[52:66].isdigit():  # Nextbase 512GW: the camera's own clock as digits, then NMEA
        return nmea(block)
    for marks, fields in _LAYOUTS:
        if all(block[at] in allowed for at, allowed in marks):
            year, *rest = (struct.unpack_from("<I", block, at)[0] for at in fields)
            return _utc(year + 2000 if year < 100 else year, *rest)
    return None


_LAYOUTS: tuple[tuple[tuple[tuple[int, bytes], ...], tuple[int, int, int, int, int, int]], ...] = (
    # Marks (A: a fix; hemispheres) by their place, then the places of year, month, day, hour, minute, second.
    (((0x48, b"A"), (0x49, b"NS"), (0x4A, b"EW")), (0x3C, 0x40, 0x44, 0x30, 0x34, 0x38)),  # Novatek, Viofo A119, A129
    (((0x28, b"A"), (0x29, b"NS"), (0x2A, b"EW")), (0x1C, 0x20, 0x24, 0x10, 0x14, 0x18)),  # Viofo A119 v3
    (((0x40, b"A"), (0x41, b"NS"), (0x42, b"EW")), (0x44, 0x48, 0x4C, 0x50, 0x54, 0x58)),  # Vantrue S1
    (((0x3C, b"A"), (0x44, b"NS"), (0x4C, b"EW")), (0x58, 0x5C, 0x60, 0x30, 0x34, 0x38)),  # Akaso
    (((0x3C, b"A"), (0x48, b"NS"), (0x58, b"EW")), (0x70, 0x74, 0x78, 0x30, 0x34, 0x38)),  # "type 2"
)


# --- GoPro ------------------------------------------------------------------------------------------------------------


def _gopro(file: RangeReader, movie: list[boxes.Box]) -> datetime | None:
    offsets = next((o for track in movie if track.kind == b"trak" and (o := _chunks(file, track))), [])
    for number in RECORDS:
        if not (number < len(offsets) and 0 < offsets[number] < file.size):
            continue
        if (fix := gpmf(file.read(offsets[number], PAYLOAD))) is not None:
            return fix - timedelta(seconds=number)
    return None


def _chunks(file: RangeReader, track: boxes.Box) -> list[int]:
    """Where the first payloads of a ``gpmd`` track stand: a chunk holds one. Empty for other tracks."""
    tables = boxes.find(file, b"mdia", b"minf", b"stbl", within=track)
    if tables is None:
        return []
    by_kind = {box.kind: box for box in boxes.children(file, tables)}
    if b"stsd" not in by_kind or boxes.content(file, by_kind[b"stsd"], 16)[12:] != b"gpmd":
        return []
    kind, wide = (b"stco", 4) if b"stco" in by_kind else (b"co64", 8)
    if kind not in by_kind:
        return []
    data = boxes.content(file, by_kind[kind], 8 + wide * (RECORDS[-1] + 1))
    count = min(int.from_bytes(data[4:8], "big"), (len(data) - 8) // wide)
    return [int.from_bytes(data[8 + wide * n : 8 + wide * (n + 1)], "big") for n in range(count)]


def gpmf(payload: bytes) -> datetime | None:
    """UTC of the first fix in one GPMF payload (key, type, size of one, how many; then the data to a multiple of 4)."""
    for key, device in _klv(payload, nested=True):
        if key != b"DEVC":
            return None  # no GPMF, or the rest of a chunk
        for name, stream in _klv(device, nested=True):
            if name == b"STRM" and (fix := _stream_fix(dict(_klv(stream)))) is not None:
                return fix
    return None


def _stream_fix(stream: Mapping[bytes, bytes]) -> datetime | None:
    return (_gps9 if b"GPS9" in stream else _gpsu)(stream)


def _gpsu(stream: Mapping[bytes, bytes]) -> datetime | None:
    """``yymmddhhmmss.sss``, which a camera without a fix (GPSF 0) makes up."""
    text, fix = stream.get(b"GPSU", b""), int.from_bytes(stream.get(b"GPSF", b"")[:4], "big")
    if fix not in (2, 3) or not text[:12].isdigit():
        return None
    year, *rest = (int(text[at : at + 2]) for at in range(0, 12, 2))
    return _utc(2000 + year, *rest)


def _gps9(stream: Mapping[bytes, bytes]) -> datetime | None:
    """Days since 2000 and seconds of the day are the 6th and 7th of nine values, the fix is last (``lllllllSS``)."""
    data, scales = stream[b"GPS9"], stream.get(b"SCAL", b"")
    if stream.get(b"TYPE", b"")[:9] != b"lllllllSS" or len(scales) < 36:
        return None
    day, second = struct.unpack_from(">2i", scales, 4 * 5)
    if not (day and second):
        return None
    for values in struct.iter_unpack(">7i2H", data[: len(data) // 32 * 32]):
        days, seconds = values[5] / day, values[6] / second
        if values[8] in (2, 3) and 0 <= days < 36525 and 0 <= seconds < 86400:
            return _DAY + timedelta(days=int(days), seconds=int(seconds))
    return None


def _klv(data: bytes, nested: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Keys with their data, as far as the data go; ``nested`` keeps to those that hold others (type 0)."""
    at = 0
    while at + 8 <= len(data):
        length = data[at + 5] * int.from_bytes(data[at + 6 : at + 8], "big")
        if data[at + 4] == 0 or not nested:
            yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + (length + 3 & ~3)


# --- NMEA in boxes ----------------------------------------------------------------------------------------------------


def _notes(file: RangeReader, movie: list[boxes.Box]) -> datetime | None:
    notes = next((box for box in movie if box.kind == b"udta"), None)
    return nmea(boxes.content(file, notes, TEXT)) if notes else None


def _blackvue(file: RangeReader) -> datetime | None:
    track = boxes.find(file, b"free", b"gps ")
    return nmea(boxes.content(file, track, TEXT)) if track else None
