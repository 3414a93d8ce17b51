"""Size and rate of a coded picture: the parameter sets of H.264 and HEVC, the sequence header of MPEG-1 and MPEG-2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Size = tuple[int, int]

RATIOS: Final = (
    (1, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33), (18, 11), (15, 11),
    (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
"""Width to height of a sample by `aspect_ratio_idc` (ITU-T H.264, table E-1)."""
OWN_RATIO: Final = 255
WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles of H.264 whose parameter sets name the chroma format (7.3.2.1.1)."""
CHROMA: Final = ((1, 1), (2, 2), (2, 1), (1, 1))
"""Samples of luma per one of chroma, horizontally and vertically, by `chroma_format_idc` (table 6-1)."""
MPEG2_RATIOS: Final = {2: (4, 3), 3: (16, 9)}
"""Width to height of the picture (ISO 13818-2, table 6-3)."""
RATES: Final = {
    1: 24_000 / 1001, 2: 24.0, 3: 25.0, 4: 30_000 / 1001, 5: 30.0, 6: 50.0, 7: 60_000 / 1001, 8: 60.0,
}  # fmt: skip
"""Frames per second (table 6-4)."""


def size(codec: str, coded: bytes) -> Size | None:
    """Width and height with square samples of the first picture in some bytes of a stream; None if they do not say."""
    try:
        if codec == "h264":
            return _h264(_unit(coded, lambda first: first & 31 == 7, 1))
        if codec == "hevc":
            return _hevc(_unit(coded, lambda first: first >> 1 & 63 == 33, 2))
        if codec in ("mpeg1", "mpeg2"):
            return _mpeg(coded, is_mpeg2=codec == "mpeg2")
    except (IndexError, ValueError):
        return None
    return None


def rate(codec: str, coded: bytes) -> float | None:
    """Frames per second by the first sequence header of MPEG-1 or MPEG-2 (ISO 13818-2, 6.2.2.1); None if they do not
    say."""
    at = coded.find(b"\0\0\1\xb3") if codec in ("mpeg1", "mpeg2") else -1
    return RATES.get(coded[at + 7] & 15) if 0 <= at < len(coded) - 7 else None


class _Bits:
    """Bits of a unit, without the bytes that keep start codes out of it (H.264, 7.4.1)."""

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")
        self._bits, self._left = int.from_bytes(data), 8 * len(data)

    def read(self, count: int) -> int:
        """The next bits as a number."""
        self._left -= count
        if self._left < 0:
            raise IndexError("the unit ends early")
        return self._bits >> self._left & (1 << count) - 1

    def number(self) -> int:
        """A number in the Exp-Golomb code (9.1)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def skip(self, count: int) -> None:
        """Leave out so many numbers in the Exp-Golomb code."""
        for _ in range(count):
            self.number()

    def signed(self) -> int:
        """A signed number in that code (9.1.1)."""
        code = self.number()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def _unit(coded: bytes, is_wanted: Callable[[int], bool], head: int) -> _Bits:
    """The first wanted unit behind its head; `is_wanted` judges its first byte. Raises IndexError."""
    at = coded.index(b"\0\0\1") + 3
    while not is_wanted(coded[at]):
        at = coded.index(b"\0\0\1", at) + 3
    end = coded.find(b"\0\0\1", at)
    return _Bits(coded[at + head : end if end >= 0 else at + 1024])


def _h264(bits: _Bits) -> Size:
    """A sequence parameter set (7.3.2.1.1)."""
    profile = bits.read(8)
    bits.read(16)
    bits.skip(1)
    chroma, is_separate = 1, 0
    if profile in WITH_CHROMA:
        chroma = bits.number()
        is_separate = bits.read(1) if chroma == 3 else 0
        bits.skip(2)
        bits.read(1)
        if bits.read(1):
            for size in (*(16,) * 6, *(64,) * (6 if chroma == 3 else 2)):
                if bits.read(1):
                    _skip_scaling_list(bits, size)
    bits.skip(1)
    order = bits.number()
    if order == 0:
        bits.skip(1)
    elif order == 1:
        bits.read(1)
        bits.skip(2)
        bits.skip(bits.number())
    bits.skip(1)
    bits.read(1)
    columns, rows = bits.number() + 1, bits.number() + 1
    is_progressive = bits.read(1)
    if not is_progressive:
        bits.read(1)
    bits.read(1)
    width, height = 16 * columns, 16 * rows * (2 - is_progressive)
    if bits.read(1):
        left, right, top, bottom = (bits.number() for _ in range(4))
        across, down = CHROMA[0 if is_separate else chroma]
        width -= (left + right) * across
        height -= (top + bottom) * down * (2 - is_progressive)
    return _squared(bits, width, height)


def _squared(bits: _Bits, width: int, height: int) -> Size:
    """The size with square samples, by the usability information (E.1.1)."""
    if not bits.read(1) or not bits.read(1):
        return width, height
    code = bits.read(8)
    across, down = (bits.read(16), bits.read(16)) if code == OWN_RATIO else RATIOS[code]
    return (round(width * across / down) if across and down else width), height


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    """A scaling list (7.3.2.1.1.1)."""
    last, following = 8, 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _hevc(bits: _Bits) -> Size:
    """A sequence parameter set (ITU-T H.265, 7.3.2.2.1, 7.3.3)."""
    bits.read(4)
    layers = bits.read(3)
    bits.read(1 + 88 + 8)
    present = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    bits.read(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in present:
        bits.read(88 * has_profile + 8 * has_level)
    bits.skip(1)
    chroma = bits.number()
    is_separate = bits.read(1) if chroma == 3 else 0
    width, height = bits.number(), bits.number()
    if bits.read(1):
        left, right, top, bottom = (bits.number() for _ in range(4))
        across, down = CHROMA[0 if is_separate else chroma]
        width, height = width - (left + right) * across, height - (top + bottom) * down
    return width, height


def _mpeg(coded: bytes, *, is_mpeg2: bool) -> Size:
    """A sequence header (ISO 13818-2, 6.2.2.1)."""
    at = coded.index(b"\0\0\1\xb3") + 4
    width, height = coded[at] << 4 | coded[at + 1] >> 4, (coded[at + 1] & 15) << 8 | coded[at + 2]
    shape = MPEG2_RATIOS.get(coded[at + 3] >> 4) if is_mpeg2 else None
    return (round(height * shape[0] / shape[1]) if shape else width), height
