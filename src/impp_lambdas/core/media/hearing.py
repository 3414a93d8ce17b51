"""What of a recording is heard: the stretches in which somebody speaks, in pieces that are decoded and recognised one
after the other.

Within a piece the stretches follow each other with a short pause, so that the model hears no hours of engine noise and
no silence, in which Whisper invents words. Times of words are those of the piece until :func:`placed` moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impp_engines.speech import Segment, Word

Span = tuple[float, float]
"""Start and end of a stretch, in seconds from the recording's beginning."""

PIECE_S = 300.0
"""Seconds of speech per piece: 10 MB of samples. A function saves its progress between pieces."""
PAUSE_S = 0.5
"""Silence between two stretches of a piece."""
NEARBY_S = 1.0
"""Stretches that are closer together are one."""


def stretches(voiced: Iterable[Sequence[float]], duration_s: float) -> list[Span]:
    """The voiced stretches in order, merged where they are close; `duration_s` is 0 if unknown."""
    merged: list[Span] = []
    for start, end in sorted((max(0.0, float(start)), float(end)) for start, end in voiced):
        last = min(end, duration_s) if duration_s > 0 else end
        if last <= start:
            continue
        if merged and start - merged[-1][1] <= NEARBY_S:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((start, last))
    return merged


def piece(spans: Iterable[Span], position: float) -> tuple[list[Span], bool]:
    """The stretches after `position` that make the next piece, and whether its last one goes on after the piece."""
    chosen: list[Span] = []
    left = PIECE_S
    for start, end in spans:
        if (begin := max(start, position)) >= end:
            continue
        if left <= 0:
            break
        until = min(end, begin + left)
        chosen.append((begin, until))
        left -= until - begin
        if until < end:
            return chosen, True
    return chosen, False


def placed(segments: Iterable[Segment], spans: Sequence[Span], lengths: Sequence[float]) -> Iterator[Segment]:
    """The segments with the recording's times, cut where a stretch ends.

    `lengths` are the seconds of sound that each of `spans` has in the piece.
    """
    for segment in segments:
        words: list[Word] = []
        before = -1
        for word in segment.words:
            index, offset = _stretch((word.start + word.end) / 2, lengths)
            if words and index != before:
                yield replace(segment, words=tuple(words))
                words = []
            before = index
            shift = spans[index][0] - offset
            start, end = (min(max(time, offset), offset + lengths[index]) + shift for time in (word.start, word.end))
            words.append(replace(word, start=round(start, 3), end=round(end, 3)))
        yield replace(segment, words=tuple(words))


def _stretch(time: float, lengths: Sequence[float]) -> tuple[int, float]:
    """The stretch that a time of the piece falls into, a pause counting with the one before, and where it begins."""
    offset = 0.0
    for index, length in enumerate(lengths):
        if time < offset + length + PAUSE_S or index == len(lengths) - 1:
            return index, offset
        offset += length + PAUSE_S
    raise ValueError("a piece without sound")
