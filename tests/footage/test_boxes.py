"""Picture properties in the boxes of a movie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import synthetic_media as synthetic
from tests.support.boxed_files import FAST, FRAGMENTED, SLOW
from tests.support.camera_files import box, counted

from impp_footage import boxes


@pytest.mark.parametrize("movie", [FAST, SLOW, FRAGMENTED], ids=["fast start", "moov last", "fragmented"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_reads_the_rotation_of_the_picture(movie: bytes, degrees: int) -> None:
    file, read_sizes = counted(synthetic.rotated(movie, degrees))
    assert boxes.orientation(file) == (degrees, False)
    assert boxes.orientation(counted(movie)[0]) == (0, False)
    assert len(read_sizes) <= 12 and sum(read_sizes) <= 300


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_have_an_orientation(data: bytes, inside: bool) -> None:
    data = box(b"moov", box(b"trak", data)) if inside else data
    assert boxes.orientation(counted(data)[0]).rotation in (0, 90, 180, 270)
