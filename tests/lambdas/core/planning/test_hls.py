"""The HLS ladder: its rungs, and settings that MediaConvert's model accepts."""

from __future__ import annotations

from dataclasses import replace

import botocore.session
import pytest
from botocore.validate import ParamValidator
from tests.support.dashcam_facts import ASSET, FACTS

from impp_lambdas.core.planning import hls


@pytest.mark.parametrize(
    ("size", "heights"),
    [
        ((1920, 1080), [1080, 480]),
        ((3840, 2160), [2160, 1080, 480]),
        ((1280, 720), [720, 480]),
        ((640, 360), [360]),
        ((720, 576), [576]),  # 480 would hardly be smaller
        ((1080, 1920), [1920, 854]),
    ],
)
def test_no_rung_is_larger_than_the_original_or_like_another(size: tuple[int, int], heights: list[int]) -> None:
    rungs = hls.rungs(ASSET, replace(FACTS, width=size[0], height=size[1]))
    assert [rung.height for rung in rungs] == [*heights, None]
    assert rungs[-1].key == f"assets/{ASSET}/hls/hls-audio.m3u8"


def test_a_silent_original_has_no_sound_track_and_a_photo_nothing() -> None:
    assert [rung.name for rung in hls.rungs(ASSET, replace(FACTS, has_audio=False))] == ["hls-1080", "hls-480"]
    assert hls.rungs(ASSET, replace(FACTS, kind="image")) == []


def test_mediaconvert_accepts_the_group() -> None:
    shape = botocore.session.get_session().get_service_model("mediaconvert").shape_for("OutputGroup")
    group = hls.group("b-bucket", ASSET, hls.rungs(ASSET, FACTS), FACTS)
    report = ParamValidator().validate(group, shape)
    assert not report.has_errors(), report.generate_report()
    assert [("VideoDescription" in o, "AudioDescriptions" in o) for o in group["Outputs"]] == [
        (True, False),
        (True, False),
        (False, True),
    ]
