"""What sampling an original yields, in a module that loads no decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A JPEG of a moment, `t` seconds from the start, with its 64-bit hash in hex and its quality from 0 to 1.
    `is_distinct`: it belongs to the few that differ most from each other."""

    t: float
    width: int
    height: int
    hash: str
    quality: float
    is_distinct: bool
    jpeg: bytes


@dataclass(frozen=True)
class Voice:
    """`voiced_s` of the `total_s` seconds that were heard sound like speech; `spans` are where, padded and merged."""

    voiced_s: float
    total_s: float
    spans: Sequence[Sequence[float]]
    spoken: bool

    @property
    def ratio(self) -> float:
        """Voiced share of the sound, 0 to 1."""
        return self.voiced_s / self.total_s if self.total_s else 0.0


@dataclass(frozen=True)
class Sampled:
    """`storyboard` is a sprite and its WebVTT file, `looks` are `{t, hash, quality, <detector>: findings}`.
    `incomplete` says why there is less than planned."""

    pictures: list[Picture]
    poster: Picture | None
    storyboard: tuple[bytes, str] | None
    looks: Sequence[Mapping[str, Any]]
    voice: Voice
    incomplete: str | None
