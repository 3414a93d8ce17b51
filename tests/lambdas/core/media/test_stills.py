"""Pictures that claim more pixels than fit, and large ones that do."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from impp_footage import formats
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.stills import still, still_or_beginning


def test_a_picture_beyond_its_formats_limit_is_refused_unread() -> None:
    header = io.BytesIO()
    Image.new("RGB", (16, 16)).save(header, "WEBP", lossless=True)
    data = bytearray(header.getvalue())
    at = data.index(b"VP8L") + 9  # behind the signature: 14 bits of width - 1, 14 bits of height - 1
    data[at : at + 4] = (9000 | 9000 << 14).to_bytes(4, "little")
    with pytest.raises(Unreadable, match="9001 x 9001 pixels, and at most 64 megapixels of WEBP"):
        still(io.BytesIO(bytes(data)))


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}])
def test_the_size_of_a_webp_is_in_its_head(options: dict[str, Any]) -> None:
    out = io.BytesIO()
    Image.new("RGB", (321, 123)).save(out, "WEBP", **options)
    assert formats.image_size(out.getvalue()) == (321, 123)


def test_a_large_picture_is_turned_upright_after_it_was_reduced() -> None:
    exif = Image.Exif()
    exif[274] = 6  # rotated 90 degrees clockwise to be upright
    out = io.BytesIO()
    Image.new("P", (6000, 3000)).save(out, "PNG", exif=exif)
    assert still(out).size == (640, 1280)


def test_postscript_is_not_opened() -> None:
    with pytest.raises(Unreadable):
        still(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"))


def test_the_beginning_of_a_picture_in_another_format_is_none() -> None:
    packets = (b"G" + bytes(187)) * 20
    with pytest.raises(Unreadable):
        still(io.BytesIO(b"\x89PNG" + bytes(12) + b"\0\0\1\0\0\0\1\0" + packets))


def noise(kind: str, orientation: int = 1, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    out = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(out, kind, exif=exif, **options)
    return out.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_there_is_of_a_picture_that_was_cut_short_is_shown(kind: str, orientation: int) -> None:
    data = noise(kind, orientation)
    upright, is_whole = still_or_beginning(io.BytesIO(data[: len(data) * 6 // 10]))
    assert upright.size == still(io.BytesIO(data)).size and not is_whole
    with pytest.raises(Unreadable, match="its picture ends too early"):
        still_or_beginning(io.BytesIO(data[: len(data) // 8]))
    with pytest.raises(Unreadable, match="its picture ends too early"):
        still(io.BytesIO(data[: len(data) * 6 // 10]))  # nobody else is shown half a picture
    assert still_or_beginning(io.BytesIO(data))[1]


def test_a_progressive_picture_that_was_cut_short_is_shown_as_a_whole() -> None:
    data = noise("JPEG", progressive=True)
    assert not still_or_beginning(io.BytesIO(data[: len(data) // 5]))[1]


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "GIF"])
def test_other_formats_are_refused_if_cut_short(kind: str) -> None:
    data = noise(kind)
    with pytest.raises(Unreadable):
        still_or_beginning(io.BytesIO(data[: len(data) * 6 // 10]))
