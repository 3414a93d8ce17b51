"""Tags are found by the length that follows them and state their time."""

from __future__ import annotations

import io

import pytest

from impp_footage.container_layouts import layout_of
from impp_footage.container_layouts.layout import Point

FILE = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"
SOUND, PICTURE, SCRIPT = 8, 9, 18
AVC_HEAD, HEVC_HEAD, AAC_HEAD = b"\x17\0", b"\x90hvc1", b"\xaf\0"


def tag(kind: int, content: bytes, ms: int = 0) -> bytes:
    time = (ms & 0xFFFFFF).to_bytes(3, "big") + bytes([ms >> 24])
    whole = bytes([kind]) + len(content).to_bytes(3, "big") + time + bytes(3) + content
    return whole + len(whole).to_bytes(4, "big")


def frame(ms: int) -> bytes:
    return tag(PICTURE, b"\x27\1" + bytes(400), ms)


@pytest.mark.parametrize("head", [tag(PICTURE, AVC_HEAD), tag(PICTURE, HEVC_HEAD), tag(SOUND, AAC_HEAD)])
def test_the_next_tag_and_its_time(head: bytes) -> None:
    opening = FILE + tag(SCRIPT, b"onMetaData") + head
    layout = layout_of(io.BytesIO(opening + frame(0) + frame(20_000_000) + b"\x09damaged"))
    assert layout and layout.head == len(opening)
    assert layout.after(0) == Point(len(opening), 0.0)
    assert layout.after(layout.head + 1) == Point(layout.head + len(frame(0)), 20_000.0)
    assert layout.after(layout.head + len(frame(0)) + 1) is None


def test_a_view_has_the_head_and_hides_the_list_of_keyframes() -> None:
    opening = FILE + tag(SCRIPT, b"onMetaData keyframes times")
    data = opening + frame(0) + frame(1000) + frame(2000)
    layout = layout_of(file := io.BytesIO(data))
    assert layout
    first, stop = (layout.after(layout.head + n * len(frame(0))) for n in (1, 2))
    hidden = opening.replace(b"keyframes", b"noyframes")
    assert layout.view(file, first, stop).read() == hidden + frame(1000)
    assert layout.view(file, None, first).read() == hidden + frame(0)
