"""Chooses the renditions of an original: sizes by the short side, even, same aspect ratio, never upscaled.

Frame rates above 30 are divided by a whole number to at most 30, which lowers the price without judder. Rates that this
would leave below 23.7 (31 → 15.5) become 30: an occasional dropped frame is less visible than half the motion, and more
than 30 would cost 1.25 times as much. The rendition for publishing elsewhere does the same with 60.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from impp_lambdas.core import keys

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

MIN_SIDE = 32
"""MediaConvert's smallest width and height."""
MAX_LONG_SIDE = 4096
"""H.264's widest picture in MediaConvert."""
MIN_BITRATE, MAX_BITRATE = 200_000, 60_000_000
_DENSE_CODECS = {"hevc", "av1", "vp9"}
MAX_FPS, KEPT_FPS = 30, 60
"""Highest rates of the ladder. MediaConvert's prices rise above each, and many players stop at 60."""
AUDIO_BITRATE = 128_000
TOLERANCE = 0.5
"""A rate above the highest by less becomes the highest (cameras write 30.02), not half of it."""
LOWEST = 0.79
"""Lowest share of the highest rate that a division may leave: 24000/1001 of 30 passes, 23 does not."""


_NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Rung:
    """At most `short_side` pixels; `quality` is the QVBR level (1 to 10); `bits` per pixel limit the bitrate."""

    name: str
    short_side: int
    quality: int
    bits: float
    max_fps: int = MAX_FPS


PROXY = Rung("proxy", 480, 6, 0.10, max_fps=15)
WEB_1080 = Rung("web", 1080, 7, 0.10)
WEB_720 = Rung("web", 720, 7, 0.12)
MOBILE = Rung("mobile", 480, 7, 0.14)
YOUTUBE = Rung("youtube", 2160, 9, 0.20, max_fps=KEPT_FPS)
RUNGS = {rung.name: rung for rung in (PROXY, WEB_1080, MOBILE, YOUTUBE)}
"""Rungs by the name of the rendition."""
_DASHCAM_RUNGS = {**RUNGS, "web": WEB_720}


@dataclass(frozen=True)
class Rendition:
    """One output. `width` and `height` are None for audio; `fps` is None if the original's rate is kept. `max_bitrate`
    in bit/s is that of the picture, or of the sound for audio. `engine` is `mediaconvert`, or `lambda` for what a
    function of ours encodes. `track` is the number of the original's track of moving pictures; of one after the first,
    width and height are the largest."""

    name: str
    key: str
    width: int | None
    height: int | None
    fps: str | None
    quality: int | None
    max_bitrate: int
    engine: str = "mediaconvert"
    track: int = 1

    def to_dict(self) -> dict[str, Any]:
        """The rendition as plain JSON."""
        return asdict(self)


def renditions(
    asset: str, names: Sequence[str], facts: Facts, bit_rate: float | None = None, engines: Mapping[str, str] = _NONE
) -> list[Rendition]:
    """The renditions of an original among `names`, in their order; none for an image or a picture that is too small to
    encode. Sound without a picture has one, `audio`, whatever its name would be.

    `bit_rate` is the original's in bit/s, which limits that of the renditions. `engines` has the engine by name of the
    rendition, where it is not MediaConvert: nothing else is made of what that cannot read.
    """
    if facts.kind == "audio":
        is_possible = "audio" in engines or (facts.is_encodable and facts.has_encodable_audio)
        return [_audio(asset, engines)] if names and is_possible else []
    if not facts.is_encodable:
        names = [name for name in names if name in engines]
    if facts.kind != "video" or not facts.width or not facts.height:
        return []
    rungs = _DASHCAM_RUNGS if facts.source == "dashcam" else RUNGS
    ladder: list[Rendition] = []
    for rung in (rungs[name] for name in names if name in rungs):
        width, height = fit(facts.width, facts.height, rung.short_side)
        same_size = any((r.width, r.height) == (width, height) for r in ladder)
        if min(width, height) < MIN_SIDE or (same_size and rung.max_fps == MAX_FPS):
            continue
        fps = reduce_rate(facts.fps, rung.max_fps)
        if facts.is_variable_rate and facts.fps and not fps:  # to follow the source would be to take its average
            fps = fraction(facts.fps)
        rate = float(Fraction(fps)) if fps else facts.fps or 30.0
        limit = min(rung.bits * width * height * rate, _useful_bitrate(facts.video_codec, bit_rate), MAX_BITRATE)
        key = keys.delivery(asset, f"video-{rung.name}.mp4")
        bitrate = max(MIN_BITRATE, int(round(limit, -3)))
        engine = engines.get(rung.name, "mediaconvert")
        ladder.append(Rendition(rung.name, key, width, height, fps, rung.quality, bitrate, engine))
    return ladder


def views(asset: str, proxy: Rendition, tracks: int) -> list[Rendition]:
    """Proxies of the further tracks of moving pictures, such as the rear view of a dual camera: `proxy-2` and so on."""
    return [
        replace(proxy, name=f"{proxy.name}-{n}", key=keys.delivery(asset, f"video-{proxy.name}-{n}.mp4"), track=n)
        for n in range(2, tracks + 1)
    ]


def _audio(asset: str, engines: Mapping[str, str]) -> Rendition:
    key, engine = keys.delivery(asset, "video-audio.m4a"), engines.get("audio", "mediaconvert")
    return Rendition("audio", key, None, None, None, None, AUDIO_BITRATE, engine)


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
    return fraction(rate)


def fraction(rate: float) -> str:
    """A frame rate as a fraction; 29.97 and similar are the multiples of 1000/1001 that they stand for."""
    exact = Fraction(rate).limit_denominator(1001)
    nominal = Fraction(round(rate * 1001 / 1000) * 1000, 1001)  # 29.97 and similar
    close = nominal if abs(float(nominal) - rate) < 0.005 and exact.denominator != 1 else exact
    return f"{close.numerator}/{close.denominator}"
