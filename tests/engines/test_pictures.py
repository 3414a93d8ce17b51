"""Scaling and the suppression of overlapping boxes, which all detectors share."""

from __future__ import annotations

import numpy as np
import pytest

from impp_engines import boxes
from impp_engines.pictures import Picture


def ramp(width: int, height: int) -> np.ndarray:
    """Brightness rises to the right, from 0 to 240, in three different channels."""
    row = np.linspace(0, 240, width, dtype=np.float32)
    return np.stack([np.tile(row / share, (height, 1)) for share in (1, 2, 4)], axis=2).astype(np.uint8)


@pytest.mark.parametrize("width, height", [(320, 180), (1920, 1080), (3840, 2160)])
def test_scaled_copies_keep_place_brightness_and_channels(width: int, height: int) -> None:
    picture = Picture(ramp(width, height))
    small = picture.scaled((96, 54))
    assert small.shape == (54, 96, 3)
    expected = ramp(96, 54).astype(float)
    assert np.abs(small[:, 2:-2].astype(float) - expected[:, 2:-2]).max() <= 4
    half = picture.scaled((96, 108), (width // 2, 0, width, height))
    assert half[50, 0].astype(float) == pytest.approx([120, 60, 30], abs=4)


def test_an_image_of_the_right_size_is_not_copied() -> None:
    image = ramp(64, 32)
    assert Picture.of(Picture.of(image)).scaled((64, 32)).tolist() == image.tolist()


def test_the_best_of_overlapping_boxes_is_kept() -> None:
    rows = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [8, 0, 18, 10], [40, 40, 50, 50]], np.float32)
    scores = np.array([0.5, 0.9, 0.7, 0.8], np.float32)
    assert boxes.best(rows, scores, 0.5) == [1, 3, 2]
    assert boxes.best(rows[:0], scores[:0], 0.5) == []
