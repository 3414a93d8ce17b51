"""Faces in an image: CenterFace (MIT), with five landmarks each.

Decoding follows https://github.com/Star-Clouds/CenterFace: a heat map at a quarter of the size, log sizes, offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from impp_engines import boxes
from impp_engines.images import Image8
from impp_engines.onnx import Model
from impp_engines.pictures import Picture

_LONG_SIDE = 960
_STEP = 32
_STRIDE = 4
_OVERLAP = 0.3
LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
"""The five points in the model's order; left and right as seen in the image."""

_model = Model("centerface-any.onnx", keeps_memory=True)


@dataclass(frozen=True)
class Face:
    """A face: `score` 0..1, box and the points of `LANDMARKS`, in pixels of the image."""

    score: float
    left: float
    top: float
    right: float
    bottom: float
    points: tuple[tuple[float, float], ...]


def detect(image: Image8 | Image.Image | Picture, floor: float = 0.5) -> list[Face]:
    """Faces that score at least `floor`, best first. Images larger than 960 pixels are scaled down first."""
    picture = Picture.of(image)
    scale = min(1.0, _LONG_SIDE / max(picture.height, picture.width))
    w, h = (max(_STEP, -(-round(side * scale) // _STEP) * _STEP) for side in (picture.width, picture.height))
    tensor = np.empty((1, 3, h, w), np.float32)
    tensor[0] = picture.scaled((w, h))[:, :, ::-1].transpose(2, 0, 1)  # the network wants RGB
    heat, size, offset, points = (out[0] for out in _model.run(["537", "538", "539", "540"], {"input.1": tensor}))
    rows, columns = np.divmod(np.flatnonzero(heat[0] >= floor), heat.shape[2])
    if not len(rows):
        return []
    scores = heat[0, rows, columns]
    high, wide = np.exp(size[:, rows, columns]) * _STRIDE
    left = (columns + offset[1, rows, columns] + 0.5) * _STRIDE - wide / 2
    top = (rows + offset[0, rows, columns] + 0.5) * _STRIDE - high / 2
    corners = np.stack([left, top, left + wide, top + high], axis=1)
    to_x, to_y = picture.width / w, picture.height / h
    detections = []
    for i in boxes.best(corners, scores, _OVERLAP):
        marks = points[:, rows[i], columns[i]].reshape(5, 2)  # y, x in units of the box
        detections.append(
            Face(
                float(scores[i]),
                float(left[i] * to_x),
                float(top[i] * to_y),
                float((left[i] + wide[i]) * to_x),
                float((top[i] + high[i]) * to_y),
                tuple((float((left[i] + x * wide[i]) * to_x), float((top[i] + y * high[i]) * to_y)) for y, x in marks),
            )
        )
    return detections
