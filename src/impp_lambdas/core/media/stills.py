"""Reads one still picture at a reduced size, whatever size it claims.

A picture of few bytes may claim any number of pixels, so each format has a limit that its decoder's memory allows.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import IO

from PIL import Image, ImageOps

from impp_footage import formats
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.pictures import LONG_SIDE, fit

MEGAPIXELS = {
    "JPEG": 600,
    "MPO": 600,
    "PNG": 200,
    "GIF": 100,
    "TIFF": 100,
    "HEIF": 100,
    "AVIF": 64,
    "WEBP": 64,
}
"""Formats that are opened, by Pillow's names, and the most megapixels of each. libjpeg decodes at an eighth of the size
(ITU-T T.81: blocks of 8 by 8), so that a baseline JPEG of any size needs little memory. The others are decoded in full:
their peaks, measured on a picture of 60 megapixels, are PNG 4 bytes per pixel, GIF 4, TIFF 9, HEIF 12, AVIF 16,
WebP 20 (`tests/lambdas/core/media/test_stills.py` measures them under the limit)."""

_DAMAGED = (OSError, ValueError, SyntaxError, RuntimeError, LookupError, TypeError, ArithmeticError, struct.error)
"""What Pillow's readers, and HEIF's, raise for a picture that is damaged."""
_HEAD = 64 * 1024
"""Bytes in which a picture says how large it is."""
OPENED = [name for name in MEGAPIXELS if name != "MPO"]
"""Pillow's openers. That of JPEG opens MPO too: a JPEG followed by others, as phones and stereo cameras write it."""


def still(file: IO[bytes]) -> Image.Image:
    """Read an image file, upright and at most :data:`LONG_SIDE` long. Raises :class:`Unreadable`, and `MemoryError`."""
    _register_heif()
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is the same for every format: it refuses large JPEGs
    head = file.read(_HEAD)
    file.seek(0)
    kind, size = str(formats.sniff(head)).upper(), formats.image_size(head)
    if size and kind in MEGAPIXELS:  # before Pillow, which allocates a WebP's canvas when it opens it
        _check(kind, *size)
    try:
        with Image.open(file, formats=OPENED) as image:
            _check(str(image.format), *image.size)
            image.draft("RGB", (LONG_SIDE, LONG_SIDE))  # JPEG only: decodes at 1/2, 1/4 or 1/8
            small = _reduced(image)
            upright = ImageOps.exif_transpose(small).convert("RGB")
    except _DAMAGED as error:
        is_cut = "truncated" in str(error).lower() or "broken data stream" in str(error)
        raise Unreadable("its picture ends too early" if is_cut else "its picture is damaged") from error
    return upright.resize(fit(*upright.size, LONG_SIDE), Image.Resampling.LANCZOS)


def _check(name: str, width: int, height: int) -> None:
    most = MEGAPIXELS[name]
    if width * height > most * 1_000_000:
        raise Unreadable(f"it has {width} x {height} pixels, and at most {most} megapixels of {name} are read")


def _reduced(image: Image.Image) -> Image.Image:
    """The picture at most at four times the wanted size: every later step copies it."""
    factor = max(image.size) // (2 * LONG_SIDE)
    if factor < 2:
        return image
    exif = image.getexif()
    small = (image if image.mode in ("L", "RGB", "RGBA", "CMYK") else image.convert("RGB")).reduce(factor)
    small.info["exif"] = exif.tobytes()  # where exif_transpose looks for it
    return small


@cache
def _register_heif() -> None:
    """Teach Pillow to open HEIC, which phones take photos in. The decoder is loaded for photos only."""
    from pi_heif import register_heif_opener  # type: ignore[import-untyped]  # ships no stubs

    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
