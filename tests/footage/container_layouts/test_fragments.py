"""Fragments are found by their mark and state the time of their first track."""

from __future__ import annotations

import io
import struct

import pytest
from tests.support.camera_files import FTYP, MDAT, box

from impp_footage.container_layouts import layout_of
from impp_footage.container_layouts.layout import Point


def track(number: int, scale: int) -> bytes:
    tkhd = box(b"tkhd", bytes(12), struct.pack(">I", number), bytes(68))
    return box(b"trak", tkhd, box(b"mdia", box(b"mdhd", bytes(12), struct.pack(">I", scale), bytes(8))))


def fragment(number: int, time: int, *, wide: bool = True) -> bytes:
    tfhd = box(b"tfhd", bytes(4), struct.pack(">I", number))
    tfdt = box(b"tfdt", bytes([wide, 0, 0, 0]), time.to_bytes(8 if wide else 4, "big"), bytes(4))
    return box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", tfhd, tfdt, box(b"trun", bytes(40)))) + MDAT


HEAD = FTYP + box(b"moov", track(1, 1000), track(2, 48_000))


@pytest.mark.parametrize("wide", [False, True])
def test_the_next_fragment_and_its_time(wide: bool) -> None:
    first, second = fragment(1, 0, wide=wide), fragment(2, 96_000, wide=wide)
    layout = layout_of(io.BytesIO(HEAD + first + box(b"mdat", b"....moof" + bytes(90)) + second))
    assert layout and layout.head == len(HEAD)
    assert layout.after(0) == Point(len(HEAD), 0.0)
    following = layout.after(len(HEAD) + 1)
    assert following and (following.time, following.offset) == (2.0, layout.file.size - len(second))
    assert layout.after(following.offset + 1) is None


@pytest.mark.parametrize("index", [box(b"sidx", bytes(40)), MDAT])
def test_a_movie_with_an_index_needs_no_layout(index: bytes) -> None:
    assert layout_of(io.BytesIO(HEAD + index + fragment(1, 0))) is None


def test_a_view_has_padding_for_what_it_leaves_out() -> None:
    data = HEAD + fragment(1, 0) + fragment(1, 1000) + fragment(1, 2000)
    layout = layout_of(file := io.BytesIO(data))
    assert layout
    first, stop = (layout.after(len(HEAD) + n * len(fragment(1, 0))) for n in (1, 2))
    assert first and stop
    view = layout.view(file, first, stop).read()
    assert len(view) == len(data) and view[first.offset : stop.offset] == data[first.offset : stop.offset]
    for start, end in ((layout.head, first.offset), (stop.offset, len(data))):
        assert view[start : start + 16] == struct.pack(">I4sQ", 1, b"free", end - start)
