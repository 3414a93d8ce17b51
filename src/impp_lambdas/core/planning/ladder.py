"""Chooses the renditions of an original: sizes by the short side, even, same aspect ratio, never upscaled.

Frame rates above 30 are divided by a whole number to at most 30, which lowers the price without judder. Rates that this
would leave below 23.7 (31 → 15.5) become 30: an occasional dropped frame is less visible than half the motion, and more
than 30 would cost 1.25 times as much. The rendition for publishing elsewhere does the same with 60.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from impp_lambdas.core import keys

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Streams

MIN_SIDE = 32
"""MediaConvert's smallest width and height."""
MAX_LONG_SIDE = 4096
"""H.264's widest picture in MediaConvert."""
MIN_BITRATE, MAX_BITRATE = 200_000, 60_000_000
_DENSE_CODECS = {"hevc", "av1", "vp9"}
MAX_FPS, KEPT_FPS = 30, 60
"""Highest rates of the ladder. MediaConvert's prices rise above each, and many players stop at 60."""
TOLERANCE = 0.5
"""A rate above the highest by less becomes the highest (cameras write 30.02), not half of it."""
LOWEST = 0.79
"""Lowest share of the highest rate that a division may leave: 24000/1001 of 30 passes, 23 does not."""


@dataclass(frozen=True)
class Rung:
    """At most `short_side` pixels; `quality` is the QVBR level (1 to 10); `bits` per pixel limit the bitrate."""

    name: str
    short_side: int
    quality: int
    bits: float
    keep_fps: bool = False


WEB_1080 = Rung("web", 1080, 7, 0.10)
WEB_720 = Rung("web", 720, 7, 0.12)
MOBILE = Rung("mobile", 480, 7, 0.14)
YOUTUBE = Rung("youtube", 2160, 9, 0.20, keep_fps=True)
LADDERS: dict[str, tuple[Rung, ...]] = {
    "dashcam": (WEB_720, MOBILE),
    "phone": (WEB_1080, MOBILE),
    "creator": (WEB_1080, MOBILE, YOUTUBE),
}


@dataclass(frozen=True)
class Rendition:
    """One output. `width` and `height` are None for audio; `fps` is None if the original's rate is kept. `max_bitrate`
    in bit/s is that of the picture, or of the sound for audio."""

    name: str
    key: str
    width: int | None
    height: int | None
    fps: str | None
    quality: int | None
    max_bitrate: int

    def to_dict(self) -> dict[str, Any]:
        """The rendition as plain JSON."""
        return asdict(self)


def renditions(asset: str, source: str, streams: Streams, bit_rate: float | None = None) -> list[Rendition]:
    """The renditions of an original, best first; none for an image or a picture that is too small to encode.

    `bit_rate` is the original's in bit/s, which limits that of the renditions.
    """
    if not streams.is_encodable or (streams.kind == "audio" and not streams.has_encodable_audio):
        return []
    if streams.kind == "audio":
        return [Rendition("audio", keys.delivery(asset, "video-audio.m4a"), None, None, None, None, 128_000)]
    if streams.kind != "video" or not streams.width or not streams.height:
        return []
    ladder: list[Rendition] = []
    for rung in LADDERS[source]:
        width, height = fit(streams.width, streams.height, rung.short_side)
        same_size = any((r.width, r.height) == (width, height) for r in ladder)
        if min(width, height) < MIN_SIDE or (same_size and not rung.keep_fps):
            continue
        most = KEPT_FPS if rung.keep_fps else MAX_FPS
        fps = reduce_rate(streams.fps, most)
        if streams.is_variable_rate and streams.fps and not fps:  # to follow the source would be to take its average
            fps = _fraction(streams.fps)
        rate = float(Fraction(fps)) if fps else streams.fps or 30.0
        limit = min(rung.bits * width * height * rate, _useful_bitrate(streams.video_codec, bit_rate), MAX_BITRATE)
        key = keys.delivery(asset, f"video-{rung.name}.mp4")
        bitrate = max(MIN_BITRATE, int(round(limit, -3)))
        ladder.append(Rendition(rung.name, key, width, height, fps, rung.quality, bitrate))
    return ladder


def _useful_bitrate(codec: str | None, bit_rate: float | None) -> float:
    """The H.264 peak rate that preserves an original: 1.5 times its mean, doubled for codecs that need fewer bits."""
    return bit_rate * 1.5 * (2 if codec in _DENSE_CODECS else 1) if bit_rate else math.inf


def fit(width: int, height: int, short_side: int) -> tuple[int, int]:
    """The largest even size within `width` by `height` whose short side is at most `short_side`.

    The aspect ratio is exact to a pixel. Neither side grows or exceeds :data:`MAX_LONG_SIDE`.
    """
    short, long = min(width, height), max(width, height)
    new_short = min(short, short_side)
    if long * new_short > MAX_LONG_SIDE * short:
        new_short = MAX_LONG_SIDE * short // long
    new_short -= new_short % 2
    new_long = 2 * round(long * new_short / short / 2)
    if new_long > min(long, MAX_LONG_SIDE):
        new_long -= 2
    return (new_short, new_long) if width <= height else (new_long, new_short)


def reduce_rate(fps: float | None, most: int) -> str | None:
    """The frame rate to encode at, at most `most`, as a fraction such as `30000/1001`; None to keep the original's."""
    if not fps or fps <= most:
        return None
    divisor = next(n for n in range(1, 1000) if fps / n <= most + TOLERANCE)
    rate = min(fps / divisor, most)
    if rate < LOWEST * most:
        rate = float(most)
    return _fraction(rate)


def _fraction(rate: float) -> str:
    exact = Fraction(rate).limit_denominator(1001)
    nominal = Fraction(round(rate * 1001 / 1000) * 1000, 1001)  # 29.97 and similar
    close = nominal if abs(float(nominal) - rate) < 0.005 and exact.denominator != 1 else exact
    return f"{close.numerator}/{close.denominator}"
