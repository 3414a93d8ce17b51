"""Which images the engines accept."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from impp_engines import images


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def test_pixels_are_bgr() -> None:
    assert images.decode(encoded(Image.new("RGB", (2, 1), (10, 20, 30)), "PNG")).tolist() == [[[30, 20, 10]] * 2]
    assert images.decode(encoded(Image.new("L", (1, 1), 7), "PNG")).tolist() == [[[7, 7, 7]]]


def test_exif_rotation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown rotated clockwise
    assert images.decode(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif)).shape == (40, 20, 3)


@pytest.mark.parametrize(
    "data",
    [b"", b"no image", encoded(Image.new("P", (5, 5)), "GIF"), encoded(Image.new("RGB", (99, 99)), "JPEG")[:200]],
    ids=["empty", "text", "GIF", "truncated JPEG"],
)
def test_unsupported_and_damaged_files_are_refused(data: bytes) -> None:
    with pytest.raises(images.ImageError):
        images.decode(data)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(images.ImageError, match="too many"):
        images.decode(encoded(Image.new("1", (8001, 8000)), "PNG"))
