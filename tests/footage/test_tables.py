"""Sample tables that claim more than a file can hold."""

from __future__ import annotations

import struct

import pytest
from tests.support import synthetic_media as synthetic
from tests.support.boxed_files import FAST, FRAGMENTED, QUICKTIME, SLOW
from tests.support.camera_files import counted

from impp_footage import boxes, tables

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
    assert excess(data) == "it has more than 64 tracks"
