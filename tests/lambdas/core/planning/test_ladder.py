"""Renditions never grow, have even sides and the original's aspect ratio, and no more bits than they need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dashcam_facts import ASSET, FACTS

from impp_lambdas.core.planning import ladder, plan

NAMES = ("web", "mobile", "youtube", "proxy")
SIDE = st.integers(2, 12_000)


@given(SIDE, SIDE, st.sampled_from([480, 720, 1080, 2160]))
def test_a_size_never_grows_and_is_even_with_the_same_aspect_ratio(width: int, height: int, side: int) -> None:
    new_width, new_height = ladder.fit(width, height, side)
    assert new_width <= width and new_height <= height
    assert new_width % 2 == 0 and new_height % 2 == 0
    assert min(new_width, new_height) <= side
    assert max(new_width, new_height) <= ladder.MAX_LONG_SIDE
    assert (new_width <= new_height) == (width <= height) or new_width == new_height
    short, long = sorted((width, height))
    new_short, new_long = sorted((new_width, new_height))
    assert abs(new_long - long * new_short / short) <= max(1, 2 * (long * new_short / short > long - 1))


@pytest.mark.parametrize(
    ("source", "size", "expected"),
    [
        ("dashcam", (3840, 2160), [(1280, 720), (854, 480), (3840, 2160), (854, 480)]),
        ("dashcam", (1280, 720), [(1280, 720), (854, 480), (1280, 720), (854, 480)]),
        ("phone", (1080, 1920), [(1080, 1920), (480, 854), (1080, 1920), (480, 854)]),
        ("phone", (1079, 607), [(1078, 606), (854, 480), (1078, 606), (854, 480)]),
        ("creator", (5312, 2988), [(1920, 1080), (854, 480), (3840, 2160), (854, 480)]),
        ("creator", (16, 16), []),
    ],
)
def test_renditions_have_the_size_that_their_source_needs(
    source: str, size: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    facts = replace(FACTS, source=source, width=size[0], height=size[1])
    renditions = ladder.renditions(ASSET, NAMES, facts)
    assert [(r.width, r.height) for r in renditions] == expected


def test_the_second_of_two_renditions_of_one_size_is_left_out() -> None:
    """Unless its rate differs: a proxy has half, and what goes to YouTube keeps all."""
    small = replace(FACTS, width=640, height=360, fps=60.0)
    renditions = ladder.renditions(ASSET, NAMES, small, engines={"proxy": "lambda"})
    rates = [(r.name, r.fps, r.engine) for r in renditions]
    assert rates == [("web", "30/1", "mediaconvert"), ("youtube", None, "mediaconvert"), ("proxy", "15/1", "lambda")]


@pytest.mark.parametrize(
    ("fps", "expected", "kept"),
    [(None, None, None), (24, None, None), (29.97, None, None), (30, None, None), (30.02, "30/1", None),
     (50, "25/1", None), (59.94, "30000/1001", None), (60, "30/1", None), (60.04, "30/1", "60/1"),
     (31, "30/1", None), (40, "30/1", None), (47.952, "24000/1001", None), (48, "24/1", None), (75, "25/1", "60/1"),
     (119.88, "30000/1001", "60000/1001"), (120, "30/1", "60/1"), (240, "30/1", "60/1")],
)  # fmt: skip
def test_high_frame_rates_are_divided(fps: float | None, expected: str | None, kept: str | None) -> None:
    assert ladder.reduce_rate(fps, 30) == expected
    assert ladder.reduce_rate(fps, 60) == kept


@pytest.mark.parametrize(
    ("codec", "size", "bitrates"),
    [
        ("h264", 60_000_000, [3_314_000, 1_720_000]),  # 8 Mbit/s: the rungs' own bounds hold
        ("h264", 7_500_000, [1_500_000, 1_500_000]),  # 1 Mbit/s
        ("hevc", 7_500_000, [3_000_000, 1_720_000]),
        ("h264", 10_000, [200_000, 200_000]),
    ],
)
def test_the_originals_bitrate_limits_that_of_its_renditions(codec: str, size: int, bitrates: list[int]) -> None:
    facts = replace(FACTS, video_codec=codec, bytes=size)
    planned = plan.make(ASSET, facts, "s3://b/k", "d", 120)
    assert [r.max_bitrate for r in planned.renditions] == bitrates


def test_a_variable_rate_is_encoded_at_that_of_its_faster_passages() -> None:
    """To follow the source would be to take its average."""
    fps = {}
    for rate in (25.0, 29.97, 60.0):
        facts = replace(FACTS, fps=rate, is_variable_rate=True)
        fps[rate] = ladder.renditions(ASSET, NAMES, facts)[0].fps
    assert fps == {25.0: "25/1", 29.97: "30000/1001", 60.0: "30/1"}


def test_what_mediaconvert_cannot_decode_has_no_rendition() -> None:
    assert ladder.renditions(ASSET, NAMES, replace(FACTS, is_encodable=False)) == []
