"""Frames of sound: MP3 and MP2 (ISO/IEC 11172-3, 13818-3), and AAC in ADTS (ISO/IEC 14496-3, 1.A.2.2).

Such files have no index, and need not state their length: what is known of them is in the head of each frame.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from impp_footage.reader import RangeReader

HEAD: Final = 7
"""Bytes of the longest head, that of ADTS; MPEG's has 4."""
JUNK: Final = 1 << 14
"""Bytes behind the tags in which the first frame begins."""
PIECE: Final = 1 << 20
"""Bytes that are read at a time for counting."""
_LONGEST: Final = (1 << 13) - 1
"""Bytes of the longest frame, of ADTS."""
_TABLES: Final = (b"Info", b"Xing", b"VBRI")
"""Names of tables that encoders put into a first frame of MP3 without sound: of LAME at a constant rate, and at others,
and of Fraunhofer."""
_BEHIND: Final = (b"\xff", b"TAG", b"ID3", b"APETAGEX")
"""Begins of what may follow a frame: another one, and tags (ID3v1, ID3v2, APEv2)."""
_RATES: Final = (44_100, 48_000, 32_000)
"""Of MPEG-1; MPEG-2 has half, MPEG-2.5 a quarter (11172-3, 2.4.2.3; 13818-3, 2.4.2.3)."""
_BITRATES: Final = {
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""In kbit/s, by version (3: MPEG-1, 2: MPEG-2) and layer (2: II, 1: III) as a frame's head has them."""
_AAC_RATES: Final = (
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
)  # fmt: skip
_AAC_SAMPLES: Final = 1024
"""Of one of the up to four blocks of a frame (14496-3, 4.5.1.1)."""


class Frame(NamedTuple):
    """A frame: `length` in bytes, how long it sounds, its codec (mp3, mp2, aac), the `rate` that it states in bytes per
    second (0: none), and `mark`, which is alike in all frames of a file at a constant rate (version, layer, rates)."""

    length: int
    seconds: float
    codec: str
    rate: float
    mark: bytes


def frame(head: bytes) -> Frame | None:
    """The frame that begins with these bytes, of which :data:`HEAD` are enough; None if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    return _adts(head) if head[1] & 0xF6 == 0xF0 else _mpeg(head[1], head[2])


class First(NamedTuple):
    """The first frame with sound, its place, and whether a table before it states the length of what varies in rate."""

    offset: int
    frame: Frame
    has_table: bool


def first(file: RangeReader) -> First | None:
    """Find the first frame, which another one must follow. None if a file begins with neither a tag nor a frame: other
    formats may have such bytes anywhere."""
    start = file.read(0, HEAD)
    if not start.startswith(b"ID3") and not frame(start):
        return None
    behind = behind_tags(file)
    data = file.read(behind, JUNK)
    at = data.find(b"\xff")
    while at >= 0:
        head = frame(data[at : at + HEAD])
        following = at + head.length if head else at
        after = frame(data[following : following + HEAD])
        if head and after and after.codec == head.codec:
            table = next((name for name in _TABLES if name in data[at : min(at + 64, following)]), None)
            if table and head.codec == "mp3":
                return First(behind + following, after, has_table=table != b"Info")
            return First(behind + at, head, has_table=False)
        at = data.find(b"\xff", at + 1)
    return None


def seconds(file: RangeReader, start: First) -> float:
    """How long all frames of its codec sound from the first one on, by reading the whole file. Tags, and what seems to
    be damaged, are skipped."""
    codec = start.frame.codec
    mark = b"\xff" + (start.frame.mark if codec == "aac" else b"")
    data, at, position, total, is_end = b"", 0, start.offset, 0.0, False
    while not is_end or at < len(data):
        if not is_end and len(data) - at < 2 * _LONGEST:
            more = file.read(position, PIECE)
            data, at, position, is_end = data[at:] + more, 0, position + len(more), not more
        head = frame(data[at : at + HEAD]) if data.startswith(mark, at) else None
        if head and head.codec == codec and _is_followed(data, at + head.length) and not _spans(data, at, head, mark):
            total += head.seconds
            at += head.length
        else:
            following = data.find(mark, at + 1)
            at = following if following >= 0 else len(data) - (0 if is_end else len(mark) - 1)
    return total


def _is_followed(data: bytes, end: int) -> bool:
    """Whether a frame that ends here may be one: another one begins here, or a tag, or there is nothing more."""
    return end + 2 >= len(data) or data.startswith(_BEHIND, end)


def _spans(data: bytes, at: int, head: Frame, mark: bytes) -> bool:
    """Whether a frame of ADTS seems to hold two others: its length is damaged, and ends at a frame by chance."""
    inner = data.find(mark, at + HEAD, at + head.length) if head.codec == "aac" else -1
    within = frame(data[inner : inner + HEAD]) if inner >= 0 else None
    return within is not None and data.startswith(mark, inner + within.length)


def behind_tags(file: RangeReader) -> int:
    """Where ID3v2's tags end, which hold pictures, too (ID3v2.4, 3.1): 7 bits in each of 4 bytes."""
    at = 0
    while len(tag := file.read(at, 10)) == 10 and tag.startswith(b"ID3"):
        size = sum((byte & 127) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    return at


def _adts(head: bytes) -> Frame | None:
    if len(head) < HEAD:
        return None
    rate, length = head[2] >> 2 & 15, (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate >= len(_AAC_RATES) or length < HEAD:
        return None
    return Frame(length, _AAC_SAMPLES * ((head[6] & 3) + 1) / _AAC_RATES[rate], "aac", 0.0, head[1:3])


@lru_cache(maxsize=256)
def _mpeg(first: int, second: int) -> Frame | None:
    """The frame by the bytes of its head behind 0xFF, which repeat within a file."""
    version, layer, bitrate, rate = first >> 3 & 3, first >> 1 & 3, second >> 4, second >> 2 & 3
    if version == 1 or layer not in (1, 2) or bitrate in (0, 15) or rate == 3:
        return None
    kbps = _BITRATES[(3, layer) if version == 3 else (2, 2)][bitrate - 1]
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 576 if layer == 1 and version != 3 else 1152
    length = samples * kbps * 125 // hertz + (second >> 1 & 1)
    mark = bytes([first, second & 0xFC])
    return Frame(length, samples / hertz, "mp3" if layer == 1 else "mp2", kbps * 125.0, mark)
