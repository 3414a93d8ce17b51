"""Objects in an image: NanoDet (Apache-2.0), 416 x 416, the 80 classes of COCO, in 8-bit integers.

Pre- and post-processing follow the NanoDet-m configuration of https://github.com/RangiLyu/nanodet: BGR with the
ImageNet mean and deviation, letterbox; a box side is the expectation over 11 bins, in units of the level's stride.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from impp_engines import boxes
from impp_engines.boxes import Floats
from impp_engines.images import Image8
from impp_engines.onnx import Model
from impp_engines.pictures import Picture

_SIZE = 416
_BINS = 11
_FACTOR = 1 / np.array([57.375, 57.12, 58.395], np.float32).reshape(3, 1, 1)
_SHIFT = np.array([103.53, 116.28, 123.675], np.float32).reshape(3, 1, 1) * _FACTOR
_LEVELS = ((8, "Identity", "Identity_3"), (16, "Identity_1", "Identity_4"), (32, "Identity_2", "Identity_5"))
_OVERLAP = 0.6
_WIDE = 1.5
_EDGE = 4.0

CLASSES = (
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
)
"""COCO's class names in the order of the model's outputs."""

INPUT = "input_1"
"""The model's input: 1 x 3 x 416 x 416."""

_model = Model("nanodet-8bit.onnx")

View = tuple[int, int, int, int]
"""A part of a picture: x, y, width and height in its pixels."""


@dataclass(frozen=True)
class Detection:
    """An object: COCO `name`, the model's `score` 0..1, box in pixels of the image."""

    name: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


def detect(image: Image8 | Image.Image | Picture, floor: float = 0.25) -> list[Detection]:
    """Objects that score at least `floor`, best first.

    A wide image is also searched in two overlapping halves, because the letterbox shrinks it so much that small
    objects vanish; that takes three runs instead of one.
    """
    picture = Picture.of(image)
    size = picture.width, picture.height
    return _best(np.concatenate([_uncut(_candidates(picture, view, floor), view, size) for view in views(picture)]))


def views(picture: Picture) -> list[View]:
    """The parts of a picture that the model looks at."""
    width, height = picture.width, picture.height
    is_wide = max(height, width) >= _WIDE * min(height, width)
    return [(0, 0, width, height), *(_halves(width, height) if is_wide else ())]


def _halves(width: int, height: int) -> list[View]:
    """Two overlapping tiles (x, y, width, height) that cover the image, each a little longer than half of it."""
    if width >= height:
        tile = max(height, -(-width * 5 // 9))
        tile = min(tile, width)
        return [(0, 0, tile, height), (width - tile, 0, tile, height)]
    return [(y, x, h, w) for x, y, w, h in _halves(height, width)]


def _uncut(rows: Floats, tile: View, size: tuple[int, int]) -> Floats:
    """The boxes that no inner border of the tile cuts off; another view has the others complete."""
    x, y, w, h = tile
    keep = np.ones(len(rows), bool)
    for column, border, outer in ((0, x, 0), (1, y, 0), (2, x + w, size[0]), (3, y + h, size[1])):
        if border != outer:
            keep &= np.abs(rows[:, column] - border) > _EDGE
    return rows[keep]


@dataclass(frozen=True)
class Letterbox:
    """A view as the model gets it: in `values` (1 x 3 x 416 x 416) it begins at `left` and `top`, scaled by `scale`."""

    values: Floats
    scale: float
    left: int
    top: int


def letterbox(picture: Picture, view: View) -> Letterbox:
    """A view of the picture in the size of the model, with black bars."""
    x, y, width, height = view
    scale = min(_SIZE / height, _SIZE / width)
    new_h, new_w = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (_SIZE - new_h) // 2, (_SIZE - new_w) // 2
    canvas = np.zeros((_SIZE, _SIZE, 3), np.uint8)
    canvas[top : top + new_h, left : left + new_w] = picture.scaled((new_w, new_h), (x, y, x + width, y + height))
    tensor = np.empty((1, 3, _SIZE, _SIZE), np.float32)
    np.multiply(canvas.transpose(2, 0, 1), _FACTOR, out=tensor[0])
    tensor[0] -= _SHIFT
    return Letterbox(tensor, scale, left, top)


def _candidates(picture: Picture, view: View, floor: float) -> Floats:
    """Candidates in a view: rows of left, top, right, bottom, score, class, in the picture's pixels."""
    x, y, width, height = view
    box = letterbox(picture, view)
    names = [name for _, scores, sides in _LEVELS for name in (scores, sides)]
    outputs = _model.run(names, {INPUT: box.values})
    levels = zip(_LEVELS, outputs[::2], outputs[1::2], strict=True)
    rows = np.concatenate([_decode(level[0], scores[0], sides[0], floor) for level, scores, sides in levels])
    rows[:, (0, 2)] = np.clip((rows[:, (0, 2)] - box.left) / box.scale, 0, width) + x
    rows[:, (1, 3)] = np.clip((rows[:, (1, 3)] - box.top) / box.scale, 0, height) + y
    return rows


def _decode(stride: int, scores: Floats, sides: Floats, floor: float) -> Floats:
    """Candidates of one pyramid level, in pixels of the model's input."""
    # In one dimension: NumPy's search in two takes ten times as long.
    cells, classes = np.divmod(np.flatnonzero(scores >= floor), scores.shape[1])
    bins = sides[cells].reshape(-1, 4, _BINS)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    distance = (weights / weights.sum(axis=2, keepdims=True)) @ np.arange(_BINS, dtype=np.float32) * stride
    across = _SIZE // stride
    x, y = (cells % across + 0.5) * stride, (cells // across + 0.5) * stride
    box = np.stack([x - distance[:, 0], y - distance[:, 1], x + distance[:, 2], y + distance[:, 3]], axis=1)
    return np.concatenate([box, scores[cells, classes][:, None], classes[:, None]], axis=1).astype(np.float32)


def _best(candidates: Floats) -> list[Detection]:
    """Non-maximum suppression within each class."""
    rows = [
        row
        for index in np.unique(candidates[:, 5])
        for row in _suppressed(candidates[candidates[:, 5] == index]).tolist()
    ]
    rows.sort(key=lambda row: -row[4])
    return [Detection(CLASSES[int(row[5])], row[4], row[0], row[1], row[2], row[3]) for row in rows]


def _suppressed(candidates: Floats) -> Floats:
    kept: Floats = candidates[boxes.best(candidates[:, :4], candidates[:, 4], _OVERLAP)]
    return kept
