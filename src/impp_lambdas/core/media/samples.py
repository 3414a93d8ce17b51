"""What sampling an original yields, in a module that loads no decoder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A JPEG of a moment, `t` seconds from the start."""

    t: float
    width: int
    height: int
    jpeg: bytes


@dataclass(frozen=True)
class Sampled:
    """`storyboard` is a sprite and its WebVTT file. `incomplete` says why there are fewer samples than planned."""

    frames: list[Picture]
    poster: Picture | None
    storyboard: tuple[bytes, str] | None
    speech_ratio: float
    is_spoken: bool
    incomplete: str | None
