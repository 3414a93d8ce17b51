"""At a constant rate, and at no other, the place of a frame is its time."""

from __future__ import annotations

import io

import pytest
from tests.support.camera_files import Counted

from impp_footage.container_layouts import layout_of

FRAME = bytes.fromhex("fffb9464") + bytes(380)
"""MPEG-1, layer III, 128 kbit/s, 48 kHz: 24 ms."""
SLOW = bytes.fromhex("fffb5464") + bytes(188)
"""The same at 64 kbit/s."""
SECONDS = 1152 / 48_000


def table(name: bytes) -> bytes:
    return FRAME[:36] + name + FRAME[36 + len(name) :]


@pytest.mark.parametrize("head", [b"", b"ID3\4\0\0\0\0\1\0" + bytes(128), table(b"Info")])
def test_a_frame_is_at_the_time_of_its_place(head: bytes) -> None:
    layout = layout_of(file := io.BytesIO(head + FRAME * 500 + b"TAG" + bytes(125)))
    assert layout and layout.head == len(head)
    point = layout.after(len(head) + 300 * len(FRAME) - 9)
    assert point and point.offset == len(head) + 300 * len(FRAME)
    assert point.time == pytest.approx(300 * SECONDS)
    assert layout.shift(point) == point.time
    assert layout.view(file, point, None).read(len(FRAME)) == FRAME


@pytest.mark.parametrize(
    "data",
    [table(b"Xing") + FRAME * 500, table(b"VBRI") + FRAME * 500, (FRAME + SLOW) * 250, FRAME * 400 + SLOW * 100],
    ids=["Xing", "VBRI", "varying", "slower at the end"],
)
def test_a_rate_that_varies_has_no_layout(data: bytes) -> None:
    assert layout_of(io.BytesIO(data)) is None


def test_a_long_file_is_read_at_few_places() -> None:
    """Each part of a recording asks for its layout."""
    for data in ((FRAME + SLOW) * 20_000, FRAME * 20_000):
        layout_of(file := Counted(data))
        assert file.bytes_read < 250_000 < len(data)
