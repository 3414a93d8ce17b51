"""What sampling an original yields, in a module that loads no decoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impp_lambdas.core.media.voice import Voice


@dataclass(frozen=True)
class Picture:
    """A JPEG of a moment, which `jpeg` returns, `t` seconds from the start, with its 64-bit hash in hex and its quality
    from 0 to 1. `is_distinct`: it belongs to the few that differ most from each other."""

    t: float
    width: int
    height: int
    hash: str
    quality: float
    is_distinct: bool
    jpeg: Callable[[], bytes]


@dataclass(frozen=True)
class Storyboard:
    """A sprite of tiles of `width` and `height` pixels at `times`, as JPEG, and the WebVTT file that refers to it."""

    sprite: bytes
    vtt: str
    times: Sequence[float] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Sampled:
    """`looks` are `{t, hash, quality, <detector>: findings}`. `incomplete` says why there is less than planned."""

    pictures: list[Picture]
    poster: Picture | None
    storyboard: Storyboard | None
    looks: Sequence[Mapping[str, Any]]
    voice: Voice
    incomplete: str | None
