"""MXF, as broadcast cameras write it (SMPTE ST 377-1).

A camera writes the length into the header when it ends, or into the footer, to which the header or the last bytes
point. Where it did neither, because its power was cut, the first frames stand for all.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from impp_cli.archive.containers.reader import Unpriced, audio, video
from impp_footage.reader import RangeReader
from impp_lambdas.core.intake.facts import Streams

RUN_IN: Final = 1 << 16
"""Bytes that may precede the header (6.5)."""
MOST: Final = 4000
"""Sets of metadata that are read, of up to so many bytes each: lists of frames come last in a set."""
LARGEST_SET: Final = 1 << 13
LARGEST_PACK: Final = 1 << 20
"""Bytes of a random index pack."""
PARTITION: Final = bytes.fromhex("060e2b34020501010d01020101")
ESSENCE: Final = bytes.fromhex("060e2b34010201010d010301")
INDEX: Final = bytes.fromhex("060e2b34025301010d01020101100100")
SET: Final = bytes.fromhex("060e2b340253")
OF_INDEX: Final = -1
"""The kind of a segment of an index, among those of other sets."""
FRAMES: Final = 500
"""Frames that stand for all."""
PICTURE, SOUND = frozenset({0x27, 0x28, 0x29, 0x51}), frozenset({0x42, 0x47, 0x48})
"""Sets that describe a picture, and sound, by the last byte but one of their keys (annex F)."""
MATERIAL, TRACK, SEQUENCE = 0x36, 0x3B, 0x0F
"""Sets of what is played: a package, its tracks, and the sequence of each (annex B)."""
CODECS: Final = (
    ("04010202012", "mpeg4"), ("04010202013", "h264"), ("0401020201", "mpeg2"),
    ("0401020202", "dvvideo"), ("040102020301", "jpeg2000"), ("040102020306", "prores"), ("0401020271", "dnxhd"),
    ("04010201", "rawvideo"),
)  # fmt: skip
"""Codecs by the second half of a label of picture coding (SMPTE RP 224)."""


class _Set(NamedTuple):
    kind: int
    values: dict[int, bytes]

    def number(self, tag: int) -> int:
        """A number; 0 if there is none, or if it is "unknown"."""
        number = int.from_bytes(self.values.get(tag, b""), signed=True)
        return max(0, number)

    def ratio(self, tag: int) -> float:
        """A fraction of two numbers of 32 bits; 0 if there is none."""
        value = self.values.get(tag, b"")
        above, below = struct.unpack(">ii", value) if len(value) == 8 else (0, 0)
        return above / below if below else 0.0


class _Item(NamedTuple):
    key: bytes
    body: int
    length: int


def read(file: RangeReader, head: bytes) -> Streams:
    """The picture and the sound that the header describes, and how long the tracks are."""
    start = head.find(PARTITION, 0, RUN_IN)
    sets = list(_sets(file, start))
    picture = next((one for one in sets if one.kind in PICTURE), None)
    sound = "pcm" if any(one.kind in SOUND for one in sets) else None
    if not picture and not sound:
        raise Unpriced("its header describes neither a picture nor sound")
    seconds = _seconds(sets)
    if not seconds:
        footer = _footer(file, start)
        seconds = (_seconds(list(_sets(file, footer))) or _indexed(file, footer)) if footer else 0.0
    if not seconds and picture:
        seconds = _estimated(file, start, picture.ratio(0x3001))
    if not seconds:
        raise Unpriced("neither its header nor its footer states a length: its recorder did not finish it")
    if not picture:
        return audio("mxf", seconds, "pcm")
    codec = _codec(picture.values.get(0x3201, b""))
    return video("mxf", seconds, _size(picture), round(picture.ratio(0x3001), 4) or None, codec, sound)


def _items(file: RangeReader, at: int) -> Iterator[_Item]:
    """Keys with their lengths (SMPTE ST 336), one behind the other."""
    for _ in range(MOST):
        head = file.read(at, 25)
        if len(head) < 17 or head[:4] != PARTITION[:4]:
            return
        count = head[16] & 127 if head[16] & 128 else 0
        length = int.from_bytes(head[17 : 17 + count]) if count else head[16]
        body = at + 17 + count
        yield _Item(head[:16], body, length)
        at = body + length


def _sets(file: RangeReader, at: int) -> Iterator[_Set]:
    """Sets of a partition: a tag and a length of two bytes each before each value (ST 377-1, 9.2)."""
    for item in _items(file, at):
        if item.key.startswith(ESSENCE):
            return
        if item.key.startswith(SET):
            kind = OF_INDEX if item.key == INDEX else item.key[14]
            yield _Set(kind, _values(file.read(item.body, min(item.length, LARGEST_SET))))


def _values(data: bytes) -> dict[int, bytes]:
    values, at = {}, 0
    while at + 4 <= len(data):
        tag, length = struct.unpack_from(">HH", data, at)
        values[tag] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return values


def _seconds(sets: list[_Set]) -> float:
    """The longest track of what is played, else the longest picture or sound; 0 if neither says."""
    played = {
        values[at : at + 16]
        for one in sets
        if one.kind == MATERIAL and (values := one.values.get(0x4403, b""))
        for at in range(8, len(values), 16)
    }
    rates = {
        one.values.get(0x4803, b""): one.ratio(0x4B01)
        for one in sets
        if one.kind == TRACK and one.values.get(0x3C0A) in played
    }
    lengths = [
        one.number(0x0202) / rate
        for one in sets
        if one.kind == SEQUENCE and (rate := rates.get(one.values.get(0x3C0A, b""), 0.0)) > 0
    ]
    described = [
        one.number(0x3002) / rate for one in sets if one.kind in PICTURE | SOUND and (rate := one.ratio(0x3001)) > 0
    ]
    return max(lengths, default=0.0) or max(described, default=0.0)


def _footer(file: RangeReader, start: int) -> int:
    """Where the footer begins (7.1, and the random index pack of 12): 0 if nothing says it."""
    first = next(_items(file, start))
    (place,) = struct.unpack(">Q", file.read(first.body + 24, 8))
    if not place:
        length = int.from_bytes(file.read(file.size - 4, 4))
        place = int.from_bytes(file.read(file.size - 12, 8)) if 36 <= length <= LARGEST_PACK else 0
    at = start + place
    return at if place and file.read(at, len(PARTITION)) == PARTITION else 0


def _indexed(file: RangeReader, footer: int) -> float:
    """The end of the last segment of an index (11.1)."""
    segments = [one for one in _sets(file, footer) if one.kind == OF_INDEX]
    return max(
        ((one.number(0x3F0C) + one.number(0x3F0D)) / rate for one in segments if (rate := one.ratio(0x3F0B)) > 0),
        default=0.0,
    )


def _estimated(file: RangeReader, start: int, fps: float) -> float:
    """By the size of the first frames; 0 if they are not wrapped one by one (ST 379-2: item type 0x15 is a picture)."""
    first, frames, end = 0, 0, 0
    for item in _items(file, start):
        if item.key.startswith(ESSENCE) and item.key[12] == 0x15:
            first, frames, end = first or item.body, frames + 1, item.body
            if frames >= FRAMES:
                break
    return (file.size - first) / (end - first) * (frames - 1) / fps if fps > 0 and frames > 1 else 0.0


def _size(picture: _Set) -> tuple[int, int] | None:
    """The displayed part with square samples, or the stored one; of fields, both (F.4)."""
    width = picture.number(0x3209) or picture.number(0x3203)
    height = (picture.number(0x3208) or picture.number(0x3202)) * (2 if picture.number(0x320C) == 1 else 1)
    shape = picture.ratio(0x320E)
    return (round(height * shape) if shape > 0 else width), height


def _codec(label: bytes) -> str:
    coded = label[8:].hex()
    return next((name for start, name in CODECS if coded.startswith(start)), "unknown")
