"""Still images as the engines take them: decoded, upright, 8-bit BGR."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

Image8 = NDArray[np.uint8]
"""An image, height x width x 3, BGR."""

_MAX_PIXELS = 64_000_000


class ImageError(ValueError):
    """The bytes are damaged or not an image in an accepted format."""


def decode(data: bytes) -> Image8:
    """A JPEG or PNG, upright by its EXIF orientation, as BGR. Raises `ImageError` for anything else."""
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ImageError(f"{image.width}x{image.height} pixels are too many")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(str(error)) from error
    pixels: NDArray[Any] = np.asarray(upright, np.uint8)[:, :, ::-1]
    return np.ascontiguousarray(pixels)
