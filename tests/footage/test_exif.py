"""How a picture is shown, by its Exif: what Pillow makes of it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from tests.support.camera_files import counted

from impp_footage import exif
from impp_footage.orientation import UPRIGHT
from impp_lambdas.core.media.pictures import upright


def stored(orientation: int, order: str) -> bytes:
    """A picture whose quarters differ, with Exif."""
    image = Image.frombytes("L", (2, 2), bytes([0, 80, 160, 240])).resize((32, 16), Image.Resampling.NEAREST)
    tags = Image.Exif()
    tags.endian = order
    tags[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, "JPEG", exif=tags)
    return out.getvalue()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_shown_as_pillow_shows_it(orientation: int, order: str) -> None:
    data = stored(orientation, order)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        shown = exif.orientation(counted(data)[0])
        assert upright(image, shown).tobytes() == ImageOps.exif_transpose(image).tobytes()


@given(st.binary(max_size=80))
def test_any_exif_has_an_orientation(data: bytes) -> None:
    segment = b"Exif\0\0" + data
    head = b"\xff\xd8\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    assert exif.orientation(counted(head)[0]).rotation in (0, 90, 180, 270)
    assert exif.orientation(counted(b"\xff\xd8")[0]) == UPRIGHT
