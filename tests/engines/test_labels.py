"""The detector's tiles and the choice among its candidates; no model needed."""

from __future__ import annotations

import numpy as np
import pytest

from impp_engines import labels


@pytest.mark.parametrize("width, height", [(1280, 544), (720, 1280), (4000, 300), (641, 427)])
def test_the_two_tiles_overlap_and_cover_the_image(width: int, height: int) -> None:
    covered = np.zeros((height, width), int)
    for x, y, w, h in labels._halves(width, height):
        assert 0 <= x <= x + w <= width and 0 <= y <= y + h <= height
        covered[y : y + h, x : x + w] += 1
    assert covered.min() == 1 and covered.max() == 2


def test_boxes_cut_off_inside_the_image_are_dropped() -> None:
    boxes = np.array(
        [[0, 10, 50, 60, 0.9, 0], [300, 10, 399, 60, 0.9, 0], [100, 0, 200, 200, 0.9, 0]], np.float32
    )  # at the image's left edge, at the tile's right border, over the image's whole height
    left_tile, image = (0, 0, 400, 200), (640, 200)
    assert labels._uncut(boxes, left_tile, image).tolist() == boxes[[0, 2]].tolist()


def test_overlapping_candidates_of_a_class_become_one() -> None:
    candidates = np.array(
        [[0, 0, 100, 100, 0.6, 2], [2, 2, 100, 100, 0.9, 2], [0, 0, 100, 100, 0.7, 0], [300, 0, 400, 100, 0.5, 2]],
        np.float32,
    )
    best = [(detection.name, round(detection.score, 2)) for detection in labels._best(candidates)]
    assert best == [("car", 0.9), ("person", 0.7), ("car", 0.5)]
    assert labels._best(candidates[:0]) == []
