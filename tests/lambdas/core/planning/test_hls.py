"""The HLS ladder: its rungs, and settings that MediaConvert's model accepts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from tests.support.dashcam_facts import ASSET, FACTS
from tests.support.paths import REPOSITORY

from impp_lambdas.core.planning import hls, plan
from impp_lambdas.core.planning.profiles import Profile, ProfileChoice


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


def test_the_manifests_schema_admits_the_keys() -> None:
    definitions = json.loads((REPOSITORY / "schemas/manifest.v1.schema.json").read_text(encoding="utf-8"))["$defs"]
    for rung in hls.rungs(ASSET, FACTS):
        assert re.fullmatch(definitions["key"]["pattern"], rung.key)
    assert re.fullmatch(definitions["maybe_key"]["pattern"], hls.playlist(ASSET))
    assert not re.fullmatch(definitions["key"]["pattern"], f"assets/{ASSET}/other/file.mp4")


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


def test_a_function_makes_the_small_rung_and_mediaconvert_the_others() -> None:
    large, small, sound = hls.rungs(ASSET, FACTS, is_small_ours=True)
    assert (large.engine, small.engine, sound.engine) == ("mediaconvert", "lambda", "mediaconvert")
    assert (small.height, small.fps) == (480, "30000/1001")
    (only, _) = hls.rungs(ASSET, replace(FACTS, width=640, height=360), is_small_ours=True)
    assert only.engine == "mediaconvert"


@pytest.mark.parametrize(
    ("changes", "engine"),
    [
        ({}, "lambda"),
        ({"duration_s": 3 * 3600.0, "bytes": 16_000_000_000}, "lambda"),
        ({"duration_s": 12 * 3600.0, "bytes": 64_000_000_000}, "mediaconvert"),
        ({"transfer": "pq"}, "mediaconvert"),
        ({"is_mirrored": True}, "mediaconvert"),
        ({"is_variable_rate": True}, "mediaconvert"),
        ({"video_codec": "prores"}, "mediaconvert"),
    ],
)
def test_mediaconvert_makes_the_small_rung_where_ours_would_differ_or_take_hours(
    changes: dict[str, Any], engine: str
) -> None:
    facts = replace(FACTS, source="creator", **changes)
    planned = plan.make(ASSET, facts, "s3://b/k.mp4", "d-bucket", 60, features=plan.FEATURES)
    engines = {rendition.name: rendition.engine for rendition in planned.renditions}
    assert engines == {"hls-1080": "mediaconvert", "hls-480": engine, "hls-audio": "mediaconvert"}
    assert planned.job_settings
    (group,) = planned.job_settings["OutputGroups"]
    assert len(group["Outputs"]) == (2 if engine == "lambda" else 3)


def test_a_profile_with_a_proxy_too_leaves_the_proxy_to_mediaconvert() -> None:
    profile_choice = ProfileChoice("both", "it is a test", Profile(renditions=("proxy", "hls")))
    planned = plan.make(
        ASSET, FACTS, "s3://b/k.mp4", "d-bucket", 60, profile_choice=profile_choice, features=plan.FEATURES
    )
    assert [r.name for r in planned.renditions if r.engine == "lambda"] == ["hls-480"]
