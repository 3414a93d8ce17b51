"""Frames of FLAC are found by their checksum and state their number."""

from __future__ import annotations

import io

import pytest
from tests.support import difficult_files as files

from impp_footage import reader
from impp_footage.container_layouts import flac


def frames_of(data: bytes) -> flac.Frames | None:
    return flac.frames(reader.of_file(io.BytesIO(data)))


def test_frames_follow_each_other_in_time() -> None:
    frames = frames_of(files.flac())
    assert frames
    times = []
    point = frames.after(0)
    while point:
        times.append(point.time)
        point = frames.after(point.offset + 1)
    assert times == pytest.approx([n * frames.unit_s for n in range(len(times))])
    assert times[-1] == pytest.approx(files.SECONDS, abs=frames.unit_s)


@pytest.mark.parametrize(
    ("header", "number"),
    [
        ("fff8ca18007f", 0),
        ("fff8ca18000a", None),  # the checksum
        ("fff8ca19006a", None),  # the reserved bit
        ("00", None),
    ],
)
def test_only_a_whole_header_has_a_number(header: str, number: int | None) -> None:
    assert flac._number(bytes.fromhex(header)) == number


def test_other_files_have_no_frames() -> None:
    assert frames_of(files.mp3()) is None
    assert frames_of(files.flac()[:60]) is None
