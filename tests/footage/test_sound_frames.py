"""Heads of sound frames, as the standards define them."""

from __future__ import annotations

import io

import pytest

from impp_footage import reader, sound_frames


@pytest.mark.parametrize(
    ("head", "length", "seconds", "codec"),
    [
        ("fffb9064", 417, 1152 / 44_100, "mp3"),  # MPEG-1, layer III, 128 kbit/s, 44.1 kHz
        ("fff36484", 144, 576 / 24_000, "mp3"),  # MPEG-2, layer III, 48 kbit/s, 24 kHz
        ("fffd8404", 384, 1152 / 48_000, "mp2"),  # MPEG-1, layer II, 128 kbit/s, 48 kHz
        ("fff15080200000", 256, 1024 / 44_100, "aac"),  # low complexity, 44.1 kHz
    ],
)
def test_a_head_states_length_and_time(head: str, length: int, seconds: float, codec: str) -> None:
    frame = sound_frames.frame(bytes.fromhex(head))
    assert frame and (frame.length, frame.codec) == (length, codec)
    assert frame.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "head", ["", "fffb", "fffbf064", "fffb0064", "fffb9c64", "ffe99064", "fff17c80200000", "00fb9064"]
)
def test_other_bytes_are_no_head(head: str) -> None:
    assert sound_frames.frame(bytes.fromhex(head)) is None


def test_sound_begins_behind_all_tags() -> None:
    tag = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    assert sound_frames.behind_tags(reader.of_file(io.BytesIO(tag + tag + b"\xff\xfb"))) == 276
