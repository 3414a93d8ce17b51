"""Text in an image: PP-OCRv6 (Apache-2.0) through `rapidocr`, whose wheel holds the weights."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from impp_engines.images import Image8

_LOCATE_SIDE = 640
_READ_SIDE = 2000

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""Corners in reading order: top left, top right, bottom right, bottom left, in pixels of the image."""


@dataclass(frozen=True)
class Word:
    """A run of characters without a space."""

    text: str
    score: float
    quad: Quad


@dataclass(frozen=True)
class Line:
    """A line of text: `score` 0..1, its corners, its words from left to right."""

    text: str
    score: float
    quad: Quad
    words: tuple[Word, ...]


_lock = threading.Lock()
_engine: Any = None


def read(image: Image8, floor: float = 0.5) -> list[Line]:
    """Lines of text that score at least `floor`, from top to bottom."""
    with _lock:
        result = _rapidocr()(image, text_score=floor)
    if result.boxes is None or result.txts is None:
        return []
    lines = [_line(*row) for row in zip(result.boxes, result.txts, result.scores, strict=True)]
    return sorted(lines, key=lambda line: (round(line.quad[0][1] / 10), line.quad[0][0]))


def _rapidocr() -> Any:
    """The engine, loaded at first use: without its check for upside-down text, on one thread.

    Lines are located in an image scaled down to 640 pixels, where a line 12 pixels high is still detected, and read at
    full size: as good on street signs and burned-in stamps as locating them at 960 pixels, in half the time.
    """
    global _engine
    if _engine is None:
        from rapidocr import RapidOCR

        _engine = RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.log_level": "error",
                "Global.max_side_len": _READ_SIDE,
                "Det.limit_type": "max",
                "Det.limit_side_len": _LOCATE_SIDE,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
    return _engine


def _line(box: Any, text: str, score: float) -> Line:
    corners = [(float(x), float(y)) for x, y in np.asarray(box)]
    quad: Quad = (corners[0], corners[1], corners[2], corners[3])
    words = tuple(Word(word, float(score), part) for word, part in _split(" ".join(text.split()), quad))
    return Line(" ".join(text.split()), float(score), quad, words)


_NARROW = frozenset("ijltfr1I!|.,:;'()[]- ")


def _split(text: str, quad: Quad) -> list[tuple[str, Quad]]:
    """The words of a line, each with a share of the line's box estimated from typical widths of letters."""
    widths = list(accumulate((0.55 if letter in _NARROW else 1.0 for letter in text), initial=0.0))
    total = widths[-1]
    parts: list[tuple[str, Quad]] = []
    at = 0
    for word in text.split(" "):
        start, end = widths[at] / total, widths[at + len(word)] / total
        parts.append(
            (
                word,
                (
                    _along(quad[0], quad[1], start),
                    _along(quad[0], quad[1], end),
                    _along(quad[3], quad[2], end),
                    _along(quad[3], quad[2], start),
                ),
            )
        )
        at += len(word) + 1
    return parts


def _along(a: Point, b: Point, share: float) -> Point:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
