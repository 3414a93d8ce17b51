"""Reads one still picture at a reduced size, whatever size it claims.

A picture of few bytes may claim any number of pixels, so each format has a limit that its decoder's memory allows.
"""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from functools import cache
from typing import IO, BinaryIO, cast

from PIL import Image, ImageChops, ImageFile, ImageOps

from impp_footage import exif, formats, reader
from impp_footage.orientation import UPRIGHT
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.pictures import LONG_SIDE, fit, upright

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
CUT = "its picture ends too early"
DEEP = "its JPEG has {} bits per colour, which this decoder and most programs cannot read; save it again with 8 bits"
RAW = "its picture is damaged, or is a camera's raw data without a preview"
_LARGEST_PREVIEW = 64 << 20
LEAST_SHOWN = 0.25
"""Share of a picture that was cut short which must be there to be shown. The decoders fill the rest with one colour:
libjpeg repeats the last block's mean, Pillow's PNG reader leaves black."""
NOISE = 4
"""Most that a filled row differs from its colour, in 255ths, after the picture was scaled."""
OPENED = [name for name in MEGAPIXELS if name != "MPO"]
"""Pillow's openers. That of JPEG opens MPO too: a JPEG followed by others, as phones and stereo cameras write it."""


def still_or_beginning(file: IO[bytes]) -> tuple[Image.Image, bool]:
    """A still picture and whether it is whole: of a JPEG or PNG that was cut short, what there is. Raises as
    :func:`still`, also where that is less than :data:`LEAST_SHOWN`."""
    try:
        return still(file), True
    except Unreadable as error:
        file.seek(0)
        if str(error) != CUT or formats.sniff(file.read(_HEAD)) not in ("jpeg", "png"):
            raise
        file.seek(0)
        ImageFile.LOAD_TRUNCATED_IMAGES = True  # Pillow has no such option per picture
        try:
            beginning = still(file)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        if _shown(beginning) < LEAST_SHOWN:
            raise
        return beginning, False


def _shown(image: Image.Image) -> float:
    """The share of a picture that is left without the single colour with which it ends: at its lower edge as it was
    stored, so at any edge after it was turned upright."""
    right, bottom = image.width - 1, image.height - 1
    shares = []
    for corner in ((0, 0), (right, 0), (0, bottom), (right, bottom)):
        filled = Image.new("RGB", image.size, image.getpixel(corner))
        box = ImageChops.difference(image, filled).point(lambda level: 255 if level > NOISE else 0).getbbox()
        shares.append((box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height) if box else 0.0)
    return min(shares)


def still(file: IO[bytes]) -> Image.Image:
    """Read an image file, upright and at most :data:`LONG_SIDE` long. Raises :class:`Unreadable`, and `MemoryError`."""
    _register_heif()
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is the same for every format: it refuses large JPEGs
    head = file.read(_HEAD)
    file.seek(0)
    kind, size = str(formats.sniff(head)).upper(), formats.image_size(head)
    if kind == "TIFF" and (shown := _preview(file)):
        return shown
    if size and kind in MEGAPIXELS:  # before Pillow, which allocates a WebP's canvas when it opens it
        _check(kind, *size)
    try:
        with Image.open(file, formats=OPENED) as image:
            _check(str(image.format), *image.size)
            image.draft("RGB", (LONG_SIDE, LONG_SIDE))  # JPEG only: decodes at 1/2, 1/4 or 1/8
            small = _reduced(image)
            turned = ImageOps.exif_transpose(small).convert("RGB")
    except _DAMAGED as error:
        raise Unreadable(_why(kind, head, str(error))) from error
    return turned.resize(fit(*turned.size, LONG_SIDE), Image.Resampling.LANCZOS)


def _why(kind: str, head: bytes, error: str) -> str:
    """Why a picture cannot be read, by the decoder's error."""
    bits = formats.jpeg_bits(head)
    if bits and bits != 8:
        return DEEP.format(bits)
    if "truncated" in error.lower() or "broken data stream" in error:
        return CUT
    return RAW if kind == "TIFF" else "its picture is damaged"


def _preview(file: IO[bytes]) -> Image.Image | None:
    """The largest picture that a camera's raw photo holds of what it shows, None if this is no such photo."""
    ranges = reader.of_file(cast(BinaryIO, file))
    for offset, length in exif.previews(ranges):
        file.seek(offset)
        preview = io.BytesIO(file.read(min(length, _LARGEST_PREVIEW)))
        is_turned = exif.orientation(reader.of_file(preview)) != UPRIGHT
        preview.seek(0)
        with suppress(Unreadable):
            image = still(preview)
            return image if is_turned else upright(image, exif.orientation(ranges))
    file.seek(0)
    return None


def _check(name: str, width: int, height: int) -> None:
    most = MEGAPIXELS[name]
    if width * height > most * 1_000_000:
        raise Unreadable(f"it has {width} x {height} pixels, and at most {most} megapixels of {name} are read")


def _reduced(image: Image.Image) -> Image.Image:
    """The picture at most at four times the wanted size: every later step copies it."""
    factor = max(image.size) // (2 * LONG_SIDE)
    if factor < 2:
        return image
    block = image.getexif()
    small = (image if image.mode in ("L", "RGB", "RGBA", "CMYK") else image.convert("RGB")).reduce(factor)
    small.info["exif"] = block.tobytes()  # where exif_transpose looks for it
    return small


@cache
def _register_heif() -> None:
    """Teach Pillow to open HEIC, which phones take photos in. The decoder is loaded for photos only."""
    from pi_heif import register_heif_opener  # type: ignore[import-untyped]  # ships no stubs

    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
