"""Heads of sound frames: MP3 and MP2 (ISO/IEC 11172-3, 13818-3), and AAC in ADTS (ISO/IEC 14496-3, 1.A.2.2).

Such files have no index, and need not state their length: what is known of them is in the head of each frame.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from impp_footage.reader import RangeReader

HEAD: Final = 7
"""Bytes of the longest head, that of ADTS; MPEG's has 4."""
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
    return _adts(head) if head[1] & 0xF6 == 0xF0 else _mpeg(head)


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


def _mpeg(head: bytes) -> Frame | None:
    version, layer, bitrate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer not in (1, 2) or bitrate in (0, 15) or rate == 3:
        return None
    kbps = _BITRATES[(3, layer) if version == 3 else (2, 2)][bitrate - 1]
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 576 if layer == 1 and version != 3 else 1152
    length = samples * kbps * 125 // hertz + (head[2] >> 1 & 1)
    mark = head[1:2] + bytes([head[2] & 0xFC])
    return Frame(length, samples / hertz, "mp3" if layer == 1 else "mp2", kbps * 125.0, mark)
