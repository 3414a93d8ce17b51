"""Boxes of detections: rows of left, top, right, bottom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def best(boxes: Floats, scores: Floats, most: float) -> list[int]:
    """Non-maximum suppression: the rows to keep, best first; none overlaps a better one by more than `most` (IoU)."""
    order = np.argsort(-scores, kind="stable")
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    keep: list[int] = []
    while len(order):
        first, rest = order[0], order[1:]
        keep.append(int(first))
        wide = np.minimum(boxes[first, 2], boxes[rest, 2]) - np.maximum(boxes[first, 0], boxes[rest, 0])
        high = np.minimum(boxes[first, 3], boxes[rest, 3]) - np.maximum(boxes[first, 1], boxes[rest, 1])
        shared = np.maximum(wide, 0) * np.maximum(high, 0)
        order = rest[shared <= most * (area[first] + area[rest] - shared)]
    return keep
