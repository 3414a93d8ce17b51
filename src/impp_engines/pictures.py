"""A picture that several detectors look at: its scaled copies are made once, with Pillow alone."""

from __future__ import annotations

import numpy as np
from PIL import Image

from impp_engines.images import Image8

LONG_SIDE = 960
"""Pixels of the longest side that a detector needs of the whole picture: all but the reading of text work on a copy of
a large picture that is reduced by a whole factor and not smaller than this."""

_Size = tuple[int, int]
_Box = tuple[float, float, float, float]


class Picture:
    """An image, and what its detectors have made of it so far. Not for use by several threads at once.

    Made from an array of height x width x 3, 8 bit, BGR, or from a Pillow image, which is not copied if it is RGB.
    """

    def __init__(self, image: Image8 | Image.Image) -> None:
        if isinstance(image, Image.Image):
            self.whole = image if image.mode == "RGB" else image.convert("RGB")
            self._is_rgb = True
        else:
            self.whole = Image.fromarray(image)
            self._is_rgb = False
        self.width, self.height = self.whole.size
        self._reduced: Image.Image | None = None

    @classmethod
    def of(cls, image: Image8 | Image.Image | Picture) -> Picture:
        """The picture of an image, or the picture itself."""
        return image if isinstance(image, Picture) else cls(image)

    def bgr(self, part: Image8) -> Image8:
        """A part of `whole`, whose channels are in the order that it came with, as BGR; a view."""
        return part[:, :, ::-1] if self._is_rgb else part

    def scaled(self, size: _Size, box: _Box | None = None) -> Image8:
        """The image, or the part in `box` (left, top, right, bottom in its pixels), at `size` (width, height), BGR.

        Scaling down averages over areas, scaling up is cubic: with both, NanoDet agrees with its results on pictures
        that OpenCV scaled by area.
        """
        if self._reduced is None:
            factor = max(1, max(self.width, self.height) // LONG_SIDE)
            self._reduced = self.whole.reduce(factor) if factor > 1 else self.whole
        across, down = self._reduced.width / self.width, self._reduced.height / self.height
        left, top, right, bottom = box or (0, 0, self.width, self.height)
        return self.bgr(scaled(self._reduced, size, (left * across, top * down, right * across, bottom * down)))


def scaled(image: Image.Image, size: _Size, box: _Box | None = None) -> Image8:
    """The image, or the part in `box`, at `size` (width, height)."""
    left, top, right, bottom = box or (0, 0, *image.size)
    is_smaller = size[0] <= right - left and size[1] <= bottom - top
    if size == image.size and (left, top, right, bottom) == (0, 0, *size):
        return np.asarray(image)
    resample = Image.Resampling.HAMMING if is_smaller else Image.Resampling.BICUBIC
    return np.asarray(image.resize(size, resample, (left, top, right, bottom)))
