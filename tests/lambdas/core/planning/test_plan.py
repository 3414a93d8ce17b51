"""Plans: jobs that MediaConvert accepts, and how many frames which detectors see."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dashcam_facts import ASSET, FACTS, ORIGIN, STREAMS

from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.intake import sources
from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.planning import ladder, look_time, plan
from impp_lambdas.core.planning.profiles import ProfileChoice, Profiles

SIDE = st.integers(2, 12_000)
CLIENT = boto3.client("mediaconvert", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@given(SIDE, SIDE, st.one_of(st.none(), st.floats(1, 300)), st.sampled_from(sources.SOURCES), st.booleans())
def test_any_video_has_a_job_that_mediaconvert_accepts(
    width: int, height: int, fps: float | None, source: str, has_audio: bool
) -> None:
    streams = replace(STREAMS, width=width, height=height, fps=fps, has_audio=has_audio)
    facts = Facts.of(streams, replace(ORIGIN, source=source), 1_000_000, None, None)
    planned = plan.make(ASSET, facts, "s3://bucket/originals/a b+c%.mp4", "delivery", 120)
    names = [r.name for r in planned.renditions]
    assert len(names) == len(set(names))
    assert all(rendition.width for rendition in planned.renditions if rendition.name != "hls-audio")
    for rendition in (rendition for rendition in planned.renditions if rendition.width):
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
    assert planned.speech == "off"


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
    assert (picture.job_settings, picture.look.max, picture.speech) == (None, 1, "off")


def make(facts: Facts, features: tuple[str, ...] = (*plan.FEATURES, "hear", "proxy"), asset: str = ASSET) -> plan.Plan:
    """The plan of a build that has every branch."""
    return plan.make(asset, facts, "s3://b/k", "d", 120, features=features)


ROUTINE = replace(FACTS, recording="routine")


def test_a_plan_says_which_engine_does_what() -> None:
    planned = make(ROUTINE).to_dict()
    assert planned["profile"] == {"name": "dashcam-routine", "why": "it is a routine recording of a dash cam"}
    assert planned["look"] == {"interval_s": 1.0, "max": 61}
    assert planned["detectors"] == {"labels": "cascade", "text": "cascade"}
    assert (planned["speech"], planned["captions"], planned["chapters"]) == ("lambda", True, False)
    assert [(r["name"], r["engine"]) for r in planned["renditions"]] == [("proxy", "lambda")]
    assert (planned["on_request"], planned["job_settings"]) == (["web", "mobile"], None)
    assert planned["parts"] == [[0.0, 60.0]]


@pytest.mark.parametrize(
    ("features", "speech", "engine"),
    [
        (("transcode", "transcribe", "hear", "proxy"), "lambda", "lambda"),
        (("transcode", "transcribe"), "transcribe", "mediaconvert"),
        (("transcode", "hear"), "lambda", "mediaconvert"),
        (("transcode",), "off", "mediaconvert"),
    ],
)
def test_another_engine_does_what_the_build_leaves_out(features: tuple[str, ...], speech: str, engine: str) -> None:
    planned = make(ROUTINE, features)
    assert (planned.speech, [r.engine for r in planned.renditions]) == (speech, [engine])


def test_each_camera_of_a_file_gets_a_rendition_where_a_function_makes_them() -> None:
    dual = make(replace(ROUTINE, video_tracks=2))
    assert [(made.name, made.track, made.engine) for made in dual.renditions] == [
        ("proxy", 1, "lambda"),
        ("proxy-2", 2, "lambda"),
    ]
    assert dual.renditions[1].key.endswith("/video-proxy-2.mp4") and not dual.are_tracks_left_out
    assert make(replace(FACTS, video_tracks=2)).are_tracks_left_out, "MediaConvert makes an event's"
    assert make(replace(ROUTINE, video_tracks=2, duration_s=1200.0, bytes=1_800_000_000)).are_tracks_left_out


def test_a_function_encodes_what_mediaconvert_cannot_read() -> None:
    memo = replace(FACTS, kind="audio", width=None, height=None, fps=None, video_codec=None, audio_codec="amr_nb")
    tape = replace(FACTS, source="phone", video_codec="dvvideo")
    for facts, name in ((memo, "audio"), (tape, "proxy")):
        unreadable = replace(facts, is_encodable=False)
        planned = make(unreadable)
        assert [(made.name, made.engine) for made in planned.renditions] == [(name, "lambda")]
        assert (planned.job_settings, planned.is_encoding_left_out, planned.on_request) == (None, False, ())
        without = plan.make(ASSET, unreadable, "s3://b/k", "d", 120, features=("transcode",))
        assert without.renditions == () and without.is_encoding_left_out
    film = make(replace(tape, is_encodable=False, source="creator"))
    assert film.renditions == () and film.is_encoding_left_out, "nobody but MediaConvert makes HLS"


def test_speech_that_is_too_long_for_transcribe_is_heard_by_lambda() -> None:
    assert make(FACTS).speech == "transcribe"
    long = replace(FACTS, duration_s=5 * 3600.0)
    assert make(long).speech == "lambda"
    assert make(long, ("transcribe", "transcode")).speech == "off"
    assert make(replace(FACTS, has_audio=False)).speech == "off"


def test_without_our_own_detectors_few_frames_are_sampled_and_the_operator_sets_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_models = {name: replace(detector, look_s=None) for name, detector in DETECTORS.items()}
    monkeypatch.setattr(plan, "DETECTORS", without_models)
    close, routine = make(FACTS), make(ROUTINE)
    detectors = {"labels", "text", "faces", "moderation"}
    assert (close.frames.max, set(close.detectors), close.managed_calls) == (13, detectors, 52)
    assert (routine.frames.max, list(routine.detectors), routine.managed_calls) == (7, ["labels", "text"], 14)
    assert plan.make(ASSET, FACTS, "s3://b/k", "d", 4).frames.max == 4
    mine = Profiles.of({"mine": {"base": "dashcam-routine"}}).by_name["mine"]
    profile_choice = ProfileChoice("mine", "a rule says so", mine)
    assert plan.make(ASSET, ROUTINE, "s3://b/k", "d", 120, profile_choice=profile_choice).frames == routine.frames


def test_short_clips_keep_the_rate_of_spending_on_average() -> None:
    assets = [hashlib.sha256(str(n).encode()).hexdigest()[:20] for n in range(3000)]
    calls = [make(ROUTINE, asset=asset).managed_calls for asset in assets]
    assert set(calls) == {0, 1}, "0.02 USD per hour are a third of a call per minute"
    assert sum(calls) / len(calls) == pytest.approx(1 / 3, abs=0.03)
    assets = assets[:100]
    assert calls[:100] == [make(ROUTINE, asset=asset).managed_calls for asset in assets], "the content decides"
    event = [make(FACTS, asset=asset).managed_calls for asset in assets]
    assert set(event) == {16, 17}
    photo = replace(FACTS, kind="image", duration_s=0.0, has_audio=False)
    assert {make(photo, asset=asset).managed_calls for asset in assets[:50]} == {1}
    assert PriceBook.load().price("rekognition", "image_api").usd == plan.IMAGE_CALL_USD


@given(st.floats(0, 200_000), st.floats(10, 3600))
def test_parts_cover_the_whole_file_evenly(duration: float, most: float) -> None:
    parts = plan.equal_parts(duration, most)
    assert parts[0][0] == 0.0 and parts[-1][1] == duration
    assert all(before[1] == after[0] for before, after in pairwise(parts))
    assert all(end - start < most + 1 for start, end in parts)
    assert len(parts) <= max(1, math.ceil(duration / most))
    assert all(start == int(start) for start, _ in parts)


@pytest.mark.parametrize(
    ("facts", "hours", "interval_s", "count"),
    [
        (ROUTINE, 1 / 60, 1.0, 1),
        (ROUTINE, 2, 1.0, 6),
        (ROUTINE, 12, 1.0, 36),
        (FACTS, 12, 0.5, None),
        (replace(FACTS, source="creator", recording="manual", width=3840, height=2160), 4, 1.0, None),
        (ROUTINE, 48, 1.44, 100),
        (replace(ROUTINE, kind="audio"), 12, 1.0, 24),
    ],
)
def test_a_long_file_is_looked_at_as_the_profile_asks_in_parts_of_bounded_looks(
    facts: Facts, hours: float, interval_s: float, count: int | None
) -> None:
    facts = replace(facts, duration_s=hours * 3600, keyframe_s=1.0)
    planned = make(facts)
    parts = len(planned.parts)
    assert planned.look.interval_s == interval_s and parts == (count or parts)
    assert all(end - start <= plan.MOST_LOOKS * interval_s for start, end in planned.parts) or facts.kind == "audio"
    local = [name for name in planned.detectors if DETECTORS[name].look_s is not None]
    busy = max(end - start for start, end in planned.parts) * look_time.per_second(facts, local, interval_s)
    assert busy < plan.PART_BUSY_S + 10 or facts.kind == "audio"
    looks = sum(math.ceil((end - start) / interval_s) for start, end in planned.parts)
    assert looks <= planned.look.max <= looks + parts or facts.kind == "audio"
    assert len(json.dumps(planned.to_dict())) < 16_000
