"""Operations on one picture: rotate, scale, hash, rate, encode. Pillow only; sizes in pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter, ImageStat

if TYPE_CHECKING:
    from impp_footage.orientation import Orientation

LONG_SIDE = 1280
"""Longest side of a sampled frame. Rekognition's labels gain nothing above it; small text stays legible."""
MIN_SIDE, MAX_SIDE = 80, 10_000
"""Smallest and largest side of a picture that Rekognition's detectors accept
(https://docs.aws.amazon.com/rekognition/latest/dg/limits.html)."""
JPEG_QUALITY = 85
THUMBNAIL_LONG_SIDE, THUMBNAIL_QUALITY = 480, 60
"""Twice the width of a card in the gallery, for dense screens; libwebp's quality, at which a thumbnail takes half the
bytes of a JPEG of quality 70."""
HASH_BITS = 64
FLAT = 2
"""Neighbouring pixels that differ by no more count as equal in the hash, which hides the noise of a dark sensor."""

_LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)
_SHARP = 14.0
"""Laplacian standard deviation of a crisp daylight frame at 256 px width; a sharper one is not a better poster."""
_MIDDLE = 118
"""Mean luma (0-255) of a well exposed picture: 18 % grey in sRGB."""
_CLOCKWISE = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
"""Pillow's names are counter-clockwise."""


@dataclass(frozen=True)
class Shot:
    """A candidate frame: `t` seconds from the start, JPEG, size, 64-bit dHash, `quality` from 0 to 1."""

    t: float
    jpeg: bytes
    width: int
    height: int
    dhash: int
    quality: float


def fit(width: int, height: int, long_side: int) -> tuple[int, int]:
    """The size within `long_side` with the same aspect ratio; never larger than the original, at least one pixel."""
    scale = min(1.0, long_side / max(width, height, 1))
    return max(1, round(width * scale)), max(1, round(height * scale))


def upright(image: Image.Image, orientation: Orientation) -> Image.Image:
    """A stored image as it is shown."""
    if orientation.is_mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    transpose = _CLOCKWISE.get(orientation.rotation)
    return image.transpose(transpose) if transpose is not None else image


def dhash(image: Image.Image) -> int:
    """Difference hash: whether each of 8 by 8 cells is brighter than its left neighbour (Krawetz 2013)."""
    pixels = image.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            left, right = pixels[row * 9 + column], pixels[row * 9 + column + 1]
            bits = bits << 1 | (right - left > FLAT)
    return bits


def distance(a: int, b: int) -> int:
    """The number of bits in which two hashes differ, of 64."""
    return (a ^ b).bit_count()


def quality(image: Image.Image) -> float:
    """Suitability as a poster: sharpness times exposure, from 0 (black, white or flat) to 1."""
    grey = image.convert("L")
    grey = grey.resize(fit(*grey.size, 256), Image.Resampling.BILINEAR)
    if min(grey.size) < 3:
        return 0.0
    sharpness = min(1.0, ImageStat.Stat(grey.filter(_LAPLACIAN)).stddev[0] / _SHARP)
    histogram = grey.histogram()
    clipped = (sum(histogram[:8]) + sum(histogram[248:])) / sum(histogram)
    exposure = 1 - abs(ImageStat.Stat(grey).mean[0] - _MIDDLE) / (255 - _MIDDLE)
    return round(sharpness * max(0.0, exposure) * (1 - clipped), 4)


def encode(image: Image.Image, jpeg_quality: int = JPEG_QUALITY) -> bytes:
    """Encode an image as a baseline JPEG without metadata, so that a phone's GPS position is not passed on."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=jpeg_quality)
    return out.getvalue()


def thumbnail(jpeg: bytes) -> bytes:
    """A JPEG reduced to :data:`THUMBNAIL_LONG_SIDE` as WebP, for lists: some 7 kB instead of 200."""
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        size = fit(*image.size, THUMBNAIL_LONG_SIDE)
        image.draft("RGB", size)  # decodes at 1/2, 1/4 or 1/8
        small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    out = io.BytesIO()
    small.convert("RGB").save(out, "WEBP", quality=THUMBNAIL_QUALITY)
    return out.getvalue()


def enlarge(image: Image.Image) -> Image.Image:
    """An image that detectors accept: one below :data:`MIN_SIDE` is scaled up.

    Only a strip beyond 1:125 is distorted. The boxes of findings are shares of the picture, so they fit the original.
    """
    scale = max(1.0, MIN_SIDE / min(image.size))
    width, height = (min(MAX_SIDE, max(MIN_SIDE, round(side * scale))) for side in image.size)
    return image if (width, height) == image.size else image.resize((width, height), Image.Resampling.BICUBIC)


def shot(t: float, image: Image.Image) -> Shot:
    """Make a candidate from an upright image that was scaled by :func:`fit`."""
    large = enlarge(image)
    return Shot(round(t, 3), encode(large), large.width, large.height, dhash(image), quality(image))
