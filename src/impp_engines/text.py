"""Text in an image: PP-OCRv6 (Apache-2.0): one network locates lines, another reads them.

Pre- and post-processing follow `rapidocr` (Apache-2.0), whose wheel holds the weights, without its check for
upside-down text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impp_engines.images import Image8
from impp_engines.onnx import Model
from impp_engines.pictures import Picture, scaled
from impp_engines.regions import regions

Floats = NDArray[np.float32]

_LOCATE_SIDE = 640
"""Pixels of the longer side in which lines are located: a line 12 pixels high is still detected there. As good on
street signs and burned-in stamps as 960 pixels, in half the time."""
_STEP = 32
_LINE_HEIGHT, _LEAST_WIDTH, _MOST_WIDTH = 48, 320, 3200
"""Pixels of a line as the reader gets it. A longer line is squeezed: a stripe across a 4K picture would be 18,000
pixels wide, and cost seconds."""
_UPRIGHT = 1.5
_SAME_ROW = 10

_locator = Model("ppocr-locate-simplified.onnx")
_reader = Model("ppocr-read.onnx")

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


def read(image: Image8 | Image.Image | Picture, floor: float = 0.5) -> list[Line]:
    """Lines of text that score at least `floor`, from top to bottom."""
    picture = Picture.of(image)
    lines = []
    for quad in _located(picture):
        text, score = _read_line(picture, _cut_out(picture.whole, quad))
        if text and score >= floor:
            words = tuple(Word(word, score, part) for word, part in _split(text, quad))
            lines.append(Line(text, score, quad, words))
    return lines


def _located(picture: Picture) -> list[Quad]:
    """Where lines are, row by row and from left to right in each."""
    ratio = min(1.0, _LOCATE_SIDE / max(picture.height, picture.width))
    width, height = (max(_STEP, round(int(side * ratio) / _STEP) * _STEP) for side in (picture.width, picture.height))
    tensor = _tensor(picture.scaled((width, height)))
    probability = _locator.run(None, {"x": tensor})[0][0, 0]
    scale = np.array([picture.width / width, picture.height / height], np.float32)
    limit = np.array([picture.width - 1, picture.height - 1], np.float32)
    quads = [np.clip(np.round(region.corners * scale), 0, limit) for region in regions(probability)]
    large = [quad for quad in quads if min(_length(quad, 0, 1), _length(quad, 0, 3)) > 3]
    return [_quad(corners) for corners in _in_rows(large)]


def _in_rows(quads: list[Floats]) -> list[Floats]:
    """From top to bottom; quads whose tops differ by a few pixels form a row, from left to right."""
    ordered = sorted(quads, key=lambda quad: float(quad[0, 1]))
    rows = list(accumulate((float(b[0, 1] - a[0, 1]) >= _SAME_ROW for a, b in pairwise(ordered)), initial=0))
    by_row = sorted(zip(rows, ordered, strict=False), key=lambda pair: (pair[0], float(pair[1][0, 0])))
    return [quad for _, quad in by_row]


def _quad(corners: Floats) -> Quad:
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return a, b, c, d


def _length(quad: Floats, a: int, b: int) -> float:
    return float(np.linalg.norm(quad[a] - quad[b]))


def _cut_out(image: Image.Image, quad: Quad) -> Image.Image:
    """The line, turned level; one that stands upright is turned by a quarter, so that it runs from left to right."""
    corners = np.array(quad)
    width = int(max(_length(corners, 0, 1), _length(corners, 2, 3)))
    height = int(max(_length(corners, 0, 3), _length(corners, 1, 2)))
    (left, top), right, bottom = quad[0], quad[2][0], quad[2][1]
    if quad == ((left, top), (right, top), (right, bottom), (left, bottom)):
        part = image.crop((int(left), int(top), int(right), int(bottom)))
    else:
        top_left, top_right, bottom_right, bottom_left = quad
        ends = (*top_left, *bottom_left, *bottom_right, *top_right)
        part = image.transform((width, height), Image.Transform.QUAD, ends, Image.Resampling.BICUBIC)
    return part.transpose(Image.Transpose.ROTATE_90) if height >= _UPRIGHT * width else part


def _read_line(picture: Picture, line: Image.Image) -> tuple[str, float]:
    """The text of a line of the picture, and its score, 0..1: the mean of its letters."""
    width = min(_MOST_WIDTH, math.ceil(_LINE_HEIGHT * line.width / line.height))
    tensor = np.zeros((1, 3, _LINE_HEIGHT, max(width, _LEAST_WIDTH)), np.float32)
    tensor[..., :width] = _tensor(picture.bgr(scaled(line, (width, _LINE_HEIGHT))))
    return _decoded(_reader.run(None, {"x": tensor})[0][0])


def _tensor(image: Image8) -> Floats:
    """1 x 3 x height x width, -1..1."""
    tensor = np.empty((1, 3, *image.shape[:2]), np.float32)
    np.multiply(image.transpose(2, 0, 1), np.float32(2 / 255), out=tensor[0])
    tensor -= 1
    return tensor


def _decoded(probability: Floats) -> tuple[str, float]:
    """CTC decoding of steps x letters: the likeliest letter of each step, without repetitions and blanks (0)."""
    best = probability.argmax(axis=1)
    is_new = np.append(True, best[1:] != best[:-1])
    steps = np.flatnonzero(is_new & (best != 0))
    if not len(steps):
        return "", 0.0
    letters = _letters()
    text = "".join(letters[index] for index in best[steps])
    return " ".join(text.split()), float(probability[steps, best[steps]].mean())


@cache
def _letters() -> list[str]:
    """The reader's alphabet; 0 is the blank."""
    return ["", *_reader.note("character").splitlines(), " "]


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
