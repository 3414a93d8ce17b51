"""Plans: jobs that MediaConvert accepts, and how many frames which detectors see."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dashcam_facts import ASSET, FACTS, ORIGIN, STREAMS

from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.planning import ladder, plan

SIDE = st.integers(2, 12_000)
CLIENT = boto3.client("mediaconvert", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@given(SIDE, SIDE, st.one_of(st.none(), st.floats(1, 300)), st.sampled_from(sorted(ladder.LADDERS)), st.booleans())
def test_any_video_has_a_job_that_mediaconvert_accepts(
    width: int, height: int, fps: float | None, source: str, has_audio: bool
) -> None:
    streams = replace(STREAMS, width=width, height=height, fps=fps, has_audio=has_audio)
    facts = Facts.of(streams, replace(ORIGIN, source=source), 1_000_000, None, None)
    planned = plan.make(ASSET, facts, "s3://bucket/originals/a b+c%.mp4", "delivery", 120)
    names = [r.name for r in planned.renditions]
    assert len(names) == len(set(names))
    for rendition in planned.renditions:
        assert min(rendition.width or 0, rendition.height or 0) >= ladder.MIN_SIDE
        assert 1_000 <= rendition.max_bitrate <= 1_152_000_000
        rate = float(Fraction(rendition.fps)) if rendition.fps else fps or 0
        assert rate <= (60 if rendition.name == "youtube" else 30)
    assert_valid(planned.job_settings)


def assert_valid(settings: dict[str, Any] | None) -> None:
    if settings is None:
        return
    model = CLIENT.meta.service_model.operation_model("CreateJob").input_shape
    report = ParamValidator().validate({"Role": "arn:aws:iam::1:role/r", "Settings": settings}, model)
    assert not report.has_errors(), report.generate_report()


def test_a_silent_recording_has_no_audio_selector_and_is_rotated() -> None:
    planned = plan.make(ASSET, replace(FACTS, has_audio=False, audio_codec=None), "s3://b/k", "d", 120)
    assert planned.job_settings
    assert planned.job_settings["Inputs"][0] == {
        "FileInput": "s3://b/k",
        "TimecodeSource": "ZEROBASED",
        "VideoSelector": {"Rotate": "AUTO"},
    }
    assert all("AudioDescriptions" not in o for o in planned.job_settings["OutputGroups"][0]["Outputs"])
    assert planned.transcribe is False


@pytest.mark.parametrize(("rotation", "rotate"), [(0, "DEGREE_0"), (270, "DEGREES_270")])
def test_a_mirrored_recording_is_rotated_by_the_angle_in_its_facts(rotation: int, rotate: str) -> None:
    """AUTO is documented for rotations alone."""
    planned = plan.make(ASSET, replace(FACTS, rotation=rotation, is_mirrored=True), "s3://b/k", "d", 120)
    assert planned.job_settings and planned.job_settings["Inputs"][0]["VideoSelector"] == {"Rotate": rotate}
    assert_valid(planned.job_settings)
    assert planned.is_mirroring_left_out
    assert not plan.make(ASSET, FACTS, "s3://b/k", "d", 120).is_mirroring_left_out


def outputs(planned: plan.Plan) -> list[dict[str, Any]]:
    """The outputs of a plan's job."""
    assert planned.job_settings
    assert_valid(planned.job_settings)
    (group,) = planned.job_settings["OutputGroups"]
    return list(group["Outputs"])


@pytest.mark.parametrize(
    ("channels", "mode"),
    [(1, "CODING_MODE_1_0"), (2, "CODING_MODE_2_0"), (6, "CODING_MODE_2_0"), (None, "CODING_MODE_2_0")],
)
def test_mono_sound_stays_mono(channels: int | None, mode: str) -> None:
    for output in outputs(plan.make(ASSET, replace(FACTS, audio_channels=channels), "s3://b/k", "d", 120)):
        (sound,) = output["AudioDescriptions"]
        assert sound["CodecSettings"]["AacSettings"]["CodingMode"] == mode


def test_sound_of_an_unknown_codec_is_left_out() -> None:
    planned = plan.make(ASSET, replace(FACTS, audio_codec="unknown"), "s3://b/k", "d", 120)
    assert all("AudioDescriptions" not in output for output in outputs(planned))
    assert planned.job_settings and "AudioSelectors" not in planned.job_settings["Inputs"][0]
    assert planned.is_sound_left_out
    assert not plan.make(ASSET, FACTS, "s3://b/k", "d", 120).is_sound_left_out
    recorder = replace(FACTS, kind="audio", width=None, height=None, audio_codec="unknown")
    assert plan.make(ASSET, recorder, "s3://b/k", "d", 120).job_settings is None


@pytest.mark.parametrize(("transfer", "converted"), [("pq", True), ("hlg", True), ("itu_709", False), (None, False)])
def test_high_dynamic_range_is_converted(transfer: str | None, converted: bool) -> None:
    for output in outputs(plan.make(ASSET, replace(FACTS, transfer=transfer), "s3://b/k", "d", 120)):
        corrector = output["VideoDescription"].get("VideoPreprocessors", {}).get("ColorCorrector")
        assert corrector == ({"ColorSpaceConversion": "FORCE_709"} if converted else None)


def test_audio_and_images() -> None:
    sound = replace(FACTS, kind="audio", width=None, height=None, fps=None, video_codec=None)
    planned = plan.make(ASSET, sound, "s3://b/k", "d", 120)
    assert_valid(planned.job_settings)
    assert planned.job_settings
    (output,) = planned.job_settings["OutputGroups"][0]["Outputs"]
    assert (output["NameModifier"], output["Extension"]) == ("-audio", "m4a")
    assert planned.renditions[0].key == f"assets/{ASSET}/video-audio.m4a"
    picture = plan.make(ASSET, replace(sound, kind="image", has_audio=False, duration_s=0.0), "s3://b/k", "d", 120)
    assert (picture.job_settings, picture.look.max, picture.transcribe) == (None, 1, False)


def test_routine_footage_has_fewer_frames_and_the_operator_sets_the_limit() -> None:
    close = plan.make(ASSET, FACTS, "s3://b/k", "d", 120).look
    routine = plan.make(ASSET, replace(FACTS, recording="routine"), "s3://b/k", "d", 120).look
    assert (close.max, close.apis) == (13, tuple(DETECTORS))
    assert (routine.max, routine.apis) == (7, ("labels", "text"))
    assert plan.make(ASSET, FACTS, "s3://b/k", "d", 4).look.max == 4
