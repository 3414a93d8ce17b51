"""Truncated files, and files that are not media, with few small reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import synthetic_media as synthetic
from tests.support.boxed_files import FAST, FRAGMENTED, SLOW
from tests.support.camera_files import FTYP, MDAT, MOOV, box, counted, mvhd

from impp_footage import formats
from impp_footage.reader import Budget, RangeReader, within
from impp_lambdas.adapters.ranged import RangedFile
from impp_lambdas.core.intake import facts, integrity
from impp_lambdas.core.intake.problems import REASONS


@pytest.mark.parametrize("data", [FAST, SLOW, FRAGMENTED], ids=["fast start", "moov last", "fragmented"])
def test_whole_movies_take_few_small_reads_from_few_requests(data: bytes) -> None:
    file, reads = counted(data)
    blocks = RangedFile(lambda first, last: data[first : last + 1], len(data), block=4096)
    for reader in (file, RangeReader(blocks.read_at, blocks.size)):
        examination = integrity.examine(reader)
        assert (examination.container, examination.problem) == ("mp4", None)
    assert len(reads) <= 100
    search = 8 * len(data) if data is FRAGMENTED else 0  # for the last fragment, and for times that begin again
    assert sum(reads) <= formats.HEAD_BYTES + 2000 + search
    assert blocks.fetches <= 3


@given(st.integers(1, len(FAST) - 1))
def test_a_fast_start_movie_cut_anywhere_is_truncated(length: int) -> None:
    examination = integrity.examine(counted(FAST[:length])[0])
    assert examination.problem
    assert examination.problem.reason in ("truncated", "not_media")


@given(st.binary(max_size=400))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    examination = integrity.examine(counted(data)[0])
    assert examination.problem is None or examination.problem.reason in REASONS


def test_reads_the_time_of_the_container() -> None:
    when = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
    assert integrity.examine(counted(FTYP + MDAT + box(b"moov", mvhd(when)))[0]).created == when
    for data in (FTYP + MDAT + MOOV, FTYP + MDAT + box(b"moov", box(b"mvhd", b"")), FTYP + MDAT + box(b"moov", b"")):
        assert integrity.examine(counted(data)[0]).created is None


def test_a_movie_that_needs_too_many_reads_is_a_problem_and_keeps_what_was_learned() -> None:
    when = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
    tracks = box(b"trak", box(b"free") * 4000) * 60
    file, reads = counted(FTYP + MDAT + box(b"moov", mvhd(when), tracks))
    examination = integrity.examine(within(file, Budget(5000, 1 << 30)))
    assert examination.problem and examination.problem.reason == "read_limit"
    assert (examination.container, examination.created) == ("mp4", when)
    assert len(reads) == 5000


def test_an_incomplete_avi_is_truncated() -> None:
    data = synthetic.movie(synthetic.scenes(1, 1), container="avi")
    cut = data[: len(data) // 2]
    examination = integrity.examine(counted(cut)[0])
    assert examination.problem
    assert examination.problem.reason == "truncated"


def track(**changes: Any) -> dict[str, Any]:
    return {"TrackType": "video", "Codec": "HEVC", "VideoProperties": {"Width": 1920, "Height": 1080} | changes}


@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ({}, (1920, 1080, 0)),
        ({"Rotation": 90}, (1080, 1920, 90)),
        ({"Rotation": -90}, (1080, 1920, 270)),
        ({"Rotation": 180}, (1920, 1080, 180)),
        ({"Rotation": 45}, (1920, 1080, 0)),
        ({"CodecMetadata": {"Rotation": 270}}, (1080, 1920, 270)),
        ({"Width": 1440, "SampleAspectRatio": {"Numerator": 4, "Denominator": 3}}, (1920, 1080, 0)),
    ],
)
def test_width_and_height_are_as_displayed(properties: dict[str, Any], shown: tuple[int, int, int]) -> None:
    streams = facts.from_probe({"Container": {"Format": "mp4", "Duration": 2.0, "Tracks": [track(**properties)]}})
    assert streams
    assert (streams.width, streams.height, streams.rotation) == shown
    assert (streams.kind, streams.video_codec, streams.has_audio) == ("video", "hevc", False)


def test_no_picture_and_no_sound_is_no_stream() -> None:
    data = {"TrackType": "data", "Codec": "UNKNOWN"}
    assert facts.from_probe({"Container": {"Format": "mp4", "Tracks": [data]}}) is None
    assert facts.from_probe({}) is None
