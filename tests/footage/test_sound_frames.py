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


MP3 = bytes.fromhex("fffb9464") + bytes(380)
"""24 ms at 48 kHz and 128 kbit/s."""
TAG = b"ID3\4\0\0\0\0\1\0" + bytes(128)


def aac(length: int = 100) -> bytes:
    """A frame of 1024 samples at 44.1 kHz."""
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 255, (length & 7) << 5, 0])
    return head + bytes(length - len(head))


def table(name: bytes) -> bytes:
    return MP3[:36] + name + MP3[36 + len(name) :]


def first(data: bytes) -> tuple[int, str, bool] | None:
    start = sound_frames.first(reader.of_file(io.BytesIO(data)))
    return (start.offset, start.frame.codec, start.has_table) if start else None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (MP3 * 2, (0, "mp3", False)),
        (aac() * 2, (0, "aac", False)),
        (TAG + aac() * 2, (len(TAG), "aac", False)),
        (TAG + bytes(500) + MP3[:9] + MP3 * 2, (len(TAG) + 509, "mp3", False)),
        (table(b"Info") + MP3, (len(MP3), "mp3", False)),
        (table(b"Xing") + MP3, (len(MP3), "mp3", True)),
        (table(b"VBRI") + MP3, (len(MP3), "mp3", True)),
        (MP3 + aac(), None),
        (b"G" + MP3 * 2, None),
        (b"", None),
    ],
    ids=["mp3", "aac", "tag", "padding", "constant", "varying", "Fraunhofer", "nothing follows", "other", "empty"],
)
def test_the_first_frame_has_sound_and_is_followed(data: bytes, expected: tuple[int, str, bool] | None) -> None:
    assert first(data) == expected


def seconds(data: bytes) -> float:
    file = reader.of_file(io.BytesIO(data))
    start = sound_frames.first(file)
    assert start
    return sound_frames.seconds(file, start)


@pytest.mark.parametrize(("frame", "each"), [(MP3, 0.024), (aac(), 1024 / 44_100)], ids=["mp3", "aac"])
def test_frames_are_counted_over_tags_and_damage(frame: bytes, each: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_frames, "PIECE", 20_000)
    assert seconds(frame * 1000) == pytest.approx(1000 * each)
    assert seconds(TAG + frame * 500 + TAG + frame * 500 + b"TAG" + bytes(125)) == pytest.approx(1000 * each)
    assert seconds(frame * 500 + bytes(100_000) + frame * 500) == pytest.approx(999 * each)
    assert seconds(frame * 500 + frame[: len(frame) // 2]) == pytest.approx(501 * each)
    assert seconds(frame * 10 + frame[:50] + frame * 10) == pytest.approx(20 * each, abs=1.1 * each)


def test_a_damaged_length_swallows_no_frames() -> None:
    assert seconds(aac() * 5 + aac(1000)[:100] + aac() * 20) == pytest.approx(25 * 1024 / 44_100)
