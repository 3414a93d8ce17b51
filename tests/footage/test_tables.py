"""Sample tables that claim more than a file can hold."""

from __future__ import annotations

import struct

import pytest
from tests.support import synthetic_media as synthetic
from tests.support.boxed_files import FAST, FRAGMENTED, QUICKTIME, SLOW
from tests.support.camera_files import box, counted

from impp_footage import boxes, tables
from impp_footage.reader import BudgetExceeded

PLAIN = synthetic.movie(synthetic.scenes(3, 0.5, size=(64, 64)), options={"movflags": "faststart"})


def excess(data: bytes) -> str | None:
    file, _ = counted(data)
    movie = boxes.find(file, b"moov")
    assert movie
    return tables.excess(file, movie)


def patched(kind: bytes, at: int, *values: int) -> bytes:
    data = bytearray(PLAIN)
    struct.pack_into(f">{len(values)}I", data, data.index(kind) + at, *values)
    return bytes(data)


@pytest.mark.parametrize("data", [FAST, SLOW, FRAGMENTED, QUICKTIME, PLAIN])
def test_real_movies_claim_what_they_hold(data: bytes) -> None:
    assert excess(data) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (patched(b"stsz", 8, 10, 85_000_000), "stsz"),
        (patched(b"stts", 12, 85_000_000), "stts"),
    ],
)
def test_a_small_file_with_millions_of_samples_is_refused(data: bytes, kind: str) -> None:
    reason = excess(data)
    assert reason and kind in reason and f"{len(data)} bytes" in reason


def test_many_tracks_are_refused() -> None:
    track = boxes.find(counted(PLAIN)[0], b"moov", b"trak")
    assert track
    body = PLAIN[track.start : track.end] * 65
    data = struct.pack(">I4s", 8 + len(body), b"moov") + body
    with pytest.raises(BudgetExceeded, match="it has more than 64 tracks"):
        excess(data)


def paced(*runs: tuple[int, int], scale: int = 600) -> tables.Pace | None:
    """The pace of a track whose frames have these numbers and lengths."""
    stts = box(b"stts", struct.pack(">II", 0, len(runs)), *(struct.pack(">II", *run) for run in runs))
    minf = box(b"minf", box(b"stbl", stts))
    mdhd = box(b"mdhd", struct.pack(">5I", 0, 0, 0, scale, 0))
    hdlr = box(b"hdlr", bytes(8) + b"vide")
    return tables.pace(counted(box(b"moov", box(b"trak", box(b"mdia", mdhd, hdlr, minf))))[0])


@pytest.mark.parametrize(
    ("runs", "pace"),
    [
        ([(60, 20)], (30, False)),
        ([(40, 33), (20, 34)], (600 / 33, False)),  # rounded to ticks
        ([(100, 20), (2, 40), (100, 20)], (30, False)),  # two dropped frames
        ([(30, 20), (30, 100)], (30, True)),
        ([(1, 300)], (2, False)),
        ([(5, 0)], None),
        ([], None),
    ],
)
def test_the_pace_of_a_movie_is_that_of_its_faster_passages(
    runs: list[tuple[int, int]], pace: tuple[float, bool] | None
) -> None:
    assert paced(*runs) == pace


def test_a_movie_without_a_time_scale_has_no_pace() -> None:
    assert paced((60, 20), scale=0) is None
    assert tables.pace(counted(FRAGMENTED)[0]) is None  # its samples are listed in the fragments


@pytest.mark.parametrize(
    ("frames", "keyframes", "apart"), [(60, 2, 30), (60, None, 1), (60, 0, None), (0, 0, None), (0, None, None)]
)
def test_keyframes_are_counted_by_their_table(frames: int, keyframes: int | None, apart: float | None) -> None:
    tables_of = [box(b"stsz", struct.pack(">III", 0, 0, frames))]
    tables_of += [] if keyframes is None else [box(b"stss", struct.pack(">II", 0, keyframes))]
    minf = box(b"minf", box(b"stbl", *tables_of))
    mdia = box(b"mdia", box(b"hdlr", bytes(8) + b"vide"), minf)
    assert tables.frames_per_keyframe(counted(box(b"moov", box(b"trak", mdia)))[0]) == apart


def test_a_movie_is_encrypted_if_all_its_media_is() -> None:
    def is_encrypted(data: bytes) -> bool:
        movie = boxes.find(counted(data)[0], b"moov")
        assert movie
        return tables.is_encrypted(counted(data)[0], movie)

    assert not is_encrypted(FAST)
    picture_only = FAST.replace(b"avc1", b"encv")
    assert not is_encrypted(picture_only), "its sound can be heard"
    assert is_encrypted(picture_only.replace(b"mp4a", b"enca"))
