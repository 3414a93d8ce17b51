"""Lengths of containers that state none: of files that were joined, tagged, cut or damaged."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path

import pytest
from tests.support.media_clips import ffmpeg

from impp_cli.archive import containers
from impp_cli.archive.containers.reader import Unpriced
from impp_footage import formats, reader
from impp_lambdas.core.intake.facts import Streams

TONE = ("-f", "lavfi", "-i", "sine=duration=4")
PICTURE = ("-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=4")
NOISE = ("-f", "lavfi", "-i", "nullsrc=size=640x360:rate=25:duration=16,noise=alls=60")
"""A picture that compresses badly."""

FILES = {
    "clip.ts": (*PICTURE, *TONE, "-c:v", "libx264", "-c:a", "aac"),
    "hevc.ts": (*PICTURE, "-c:v", "libx265"),
    "old.ts": (*PICTURE, "-c:v", "mpeg2video"),
    "clip.avi": (*PICTURE, "-c:v", "mjpeg"),
    "clip.mkv": (*PICTURE, "-c:v", "libx264"),
    "clip.wav": TONE,
    "clip.mp3": (*TONE, "-c:a", "libmp3lame"),
    "clip.aac": (*TONE, "-c:a", "aac"),
    "clip.opus": (*TONE, "-c:a", "libopus"),
    "clip.flac": (*TONE, "-c:a", "flac"),
    "clip.ogv": (*PICTURE, "-c:v", "libtheora"),
}


def encode(folder: Path, name: str, *options: str) -> bytes:
    """A file of ffmpeg's."""
    ffmpeg(*options, to=folder / name)
    return (folder / name).read_bytes()


def streams(name: str, data: bytes) -> Streams:
    container = formats.sniff(data[: formats.HEAD_BYTES]) or formats.of_name(name)
    assert container
    return containers.streams(container, reader.of_file(io.BytesIO(data)), data[: 64 * 1024])


def seconds(name: str, data: bytes) -> float:
    return streams(name, data).duration_s


def test_every_format_of_video_and_sound_has_a_reader() -> None:
    assert containers.READERS.keys() == {row.name for row in formats.FORMATS if row.demuxer}


def test_a_long_transport_stream_is_measured_at_places(tmp_path: Path) -> None:
    data = encode(tmp_path, "noise.ts", *NOISE, "-c:v", "mpeg2video", "-q:v", "2")
    read: list[int] = []
    file = reader.of_file(io.BytesIO(data))
    counted = reader.RangeReader(lambda at, size: read.append(size) or file.read(at, size), file.size)  # type: ignore[func-returns-value]
    known = containers.streams("mpegts", counted, data[: 64 * 1024])
    assert known.duration_s == pytest.approx(16, abs=0.05)
    assert sum(read) <= 20 << 20 < len(data), "it is not read as a whole"


def test_streams_that_were_joined_count_together(tmp_path: Path) -> None:
    data = encode(tmp_path, "noise.ts", *NOISE, "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M")
    assert seconds("joined.ts", data + data) == pytest.approx(32, rel=0.15)


def test_a_clock_that_begins_again_is_no_jump(tmp_path: Path) -> None:
    late = str(2**33 / 90_000 - 2)
    data = encode(tmp_path, "late.ts", *PICTURE, "-c:v", "libx264", "-output_ts_offset", late)
    assert seconds("late.ts", data) == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("name", ["clip.mp3", "clip.aac"])
def test_tags_and_junk_are_no_sound(tmp_path: Path, name: str) -> None:
    sound = encode(tmp_path, name, *FILES[name])
    expected = seconds(name, sound)
    assert expected == pytest.approx(4, abs=0.1)
    picture = b"\xff\xfb\x90\x00" * 50_000  # looks like the heads of frames
    length = len(picture)
    tag = b"ID3\x04\0\0" + bytes(length >> shift & 127 for shift in (21, 14, 7, 0)) + picture
    assert seconds("tagged.mp3", tag + sound + b"TAG" + bytes(125)) == expected
    assert seconds(name, sound + sound[: len(sound) // 2]) == pytest.approx(1.5 * expected, rel=0.1)
    assert seconds(name, sound[:2000] + bytes(3000) + sound[2000:]) == pytest.approx(expected, abs=0.1)
    assert seconds(name, sound + bytes(1 << 20) + sound) == pytest.approx(2 * expected, abs=0.1)


@pytest.mark.parametrize("name", FILES)
def test_damage_is_no_exception(tmp_path: Path, name: str) -> None:
    data = encode(tmp_path, name, *FILES[name])
    assert seconds(name, data) == pytest.approx(4, abs=0.2)
    chance = random.Random(name)
    container = formats.sniff(data[: formats.HEAD_BYTES]) or ""
    for _ in range(150):
        damaged = bytearray(data[: chance.choice((20, 500, 5000, len(data)))])
        for _ in range(chance.choice((1, 10, 200))):
            damaged[chance.randrange(min(len(damaged), chance.choice((64, 2000, 1 << 30))))] = chance.randrange(256)
        with contextlib.suppress(Unpriced):
            known = containers.streams(container, reader.of_file(io.BytesIO(damaged)), bytes(damaged[: 64 * 1024]))
            assert 0 < known.duration_s < containers.LONGEST_S
