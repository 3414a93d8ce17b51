"""Time stamps of MPEG's streams (ISO 13818-1, 2.4.3.7): what they say of a recording's length and rate."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median, median_low
from typing import Final

WINDOW: Final = 1 << 20
"""Bytes at each place that is looked at: a third of a second at 24 Mbit/s."""
PLACES: Final = 16
TICKS: Final = 90_000
"""Per second of time stamps, which begin again after 2^33 of them, 26.5 hours."""
ROUND: Final = 1 << 33
JUMP: Final = 8
"""A step of the time that is so many times the median one is none: files were joined, or the clock was set."""


def read(data: bytes) -> int:
    """Read a time stamp of 33 bits, with a marker behind 3, 15 and 15 of them, in 5 bytes."""
    bits = int.from_bytes(data[:5])
    return (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF


def frame(stamps: list[int]) -> float:
    """How long a frame is shown, in ticks: frames may be in another order than they are shown in. 0 for one frame."""
    ordered = sorted(set(stamps))
    return median(after - before for before, after in pairwise(ordered)) if len(ordered) > 1 else 0


def span(size: int, first: int, stamps_at: Callable[[int], list[int]]) -> float:
    """From the `first` stamp to the last of a file of `size` bytes, in ticks. `stamps_at` lists those in a window from
    an offset on. Places at equal distances in the file are at similar ones in time; a step that is not, is taken for
    one that is. Raises ValueError."""
    places = max(1, min(PLACES, size // WINDOW))
    times = [first]
    for place in range(1, places + 1):
        seen = stamps_at(max(0, size - WINDOW) * place // places)
        if seen:
            last = max((value - seen[0] + ROUND // 2) % ROUND - ROUND // 2 for value in seen)
            times.append(seen[0] + (last if place == places else 0))
    steps = [(after - before) % ROUND for before, after in pairwise(times)]
    usual = median_low(steps)
    if usual > ROUND // 2:
        raise ValueError("the time goes backwards")
    return sum(step if step <= JUMP * usual else usual for step in steps)
