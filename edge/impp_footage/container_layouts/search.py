"""Looks through a file for the next piece, in a few reads that grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impp_footage.container_layouts.layout import Layout, Point
    from impp_footage.reader import RangeReader

FIRST_STEP, STEP = 16 << 10, 512 << 10
"""Bytes per read, at first and at most."""
FARTHEST = 64 << 20
"""Bytes that are looked through at most: a cluster of MediaRecorder may last as long as its keyframes are apart."""
CLOSE = 1 << 20
"""Bytes within which bisection ends."""

MOST_MARKS = 10_000
"""Occurrences of a mark that are looked at, at most: of a hostile file that has nothing else."""


def stretches(
    file: RangeReader, start: int, overlap: int, step: int = FIRST_STEP, most: int = FARTHEST
) -> Iterator[tuple[int, bytes]]:
    """Yield `(offset, bytes)` from `start` on, up to `most` bytes farther. Each has `overlap` bytes of the next one, so
    that no mark is divided."""
    at = start
    while at < min(start + most, file.size):
        yield at, file.read(at, step + overlap)
        at, step = at + step, min(2 * step, STEP)


def occurrences(
    file: RangeReader, mark: bytes, start: int, step: int = FIRST_STEP, most: int = FARTHEST
) -> Iterator[int]:
    """Yield the offsets of a mark from `start` on, :data:`MOST_MARKS` at most."""
    count = 0
    for at, data in stretches(file, start, len(mark) - 1, step, most):
        position = data.find(mark)
        while position >= 0:
            count += 1
            if count > MOST_MARKS:
                return
            yield at + position
            position = data.find(mark, position + 1)


def last_before(layout: Layout, time: float) -> Point | None:
    """The last piece that begins at or before a time, by bisection; None if that is the first one, or none does."""
    best = layout.after(layout.head)
    if best is None or best.time > time:
        return None
    end = layout.file.size
    while end - best.offset > CLOSE:
        middle = (best.offset + end) // 2
        point = layout.after(middle)
        if point is None or point.offset >= end or point.time > time:
            end = middle
        else:
            best = point
    while (point := layout.after(best.offset + 1)) and point.time <= time:
        best = point
    return best if best.offset > layout.head else None
