"""Renditions never grow, stay even and keep their shape; the job is one that MediaConvert takes; the bill adds up."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.intake.facts import Facts, Origin, Streams
from impp_lambdas.core.money import ledger, pricing, quote, storage
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.usage import transcribe_line
from impp_lambdas.core.planning import ladder, plan

ASSET = "0123456789abcdef0123"
STREAMS = Streams("video", 60.0, 1920, 1080, 0, 29.97, "h264", "aac", True, "mp4")
ORIGIN = Origin("dashcam", "car", "front", "event", "2026-11-20T08:15:00Z", "filename")
FACTS = Facts.of(STREAMS, ORIGIN, 60_000_000, None, None)
SIDE = st.integers(2, 12_000)


@given(SIDE, SIDE, st.sampled_from([480, 720, 1080, 2160]))
def test_a_size_never_grows_is_even_and_keeps_its_shape(width: int, height: int, side: int) -> None:
    new_width, new_height = ladder.fit(width, height, side)
    assert new_width <= width and new_height <= height
    assert new_width % 2 == 0 and new_height % 2 == 0
    assert min(new_width, new_height) <= side
    assert max(new_width, new_height) <= ladder.MAX_LONG_SIDE
    assert (new_width <= new_height) == (width <= height) or new_width == new_height
    short, long = sorted((width, height))
    new_short, new_long = sorted((new_width, new_height))
    assert abs(new_long - long * new_short / short) <= max(1, 2 * (long * new_short / short > long - 1))


@given(SIDE, SIDE, st.one_of(st.none(), st.floats(1, 300)), st.sampled_from(sorted(ladder.LADDERS)), st.booleans())
def test_any_video_has_a_job_that_mediaconvert_takes(
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
        if rendition.fps:
            assert float(Fraction(rendition.fps)) <= 30.6
    valid(planned.job_settings)


def valid(settings: dict[str, Any] | None) -> None:
    if settings is None:
        return
    model = CLIENT.meta.service_model.operation_model("CreateJob").input_shape
    report = ParamValidator().validate({"Role": "arn:aws:iam::1:role/r", "Settings": settings}, model)
    assert not report.has_errors(), report.generate_report()


CLIENT = boto3.client("mediaconvert", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.mark.parametrize(
    ("source", "size", "expected"),
    [
        ("dashcam", (3840, 2160), [("web", 1280, 720), ("mobile", 854, 480)]),
        ("dashcam", (1280, 720), [("web", 1280, 720), ("mobile", 854, 480)]),
        ("dashcam", (640, 360), [("web", 640, 360)]),
        ("phone", (1080, 1920), [("web", 1080, 1920), ("mobile", 480, 854)]),
        ("phone", (1079, 607), [("web", 1078, 606), ("mobile", 854, 480)]),
        ("creator", (5312, 2988), [("web", 1920, 1080), ("mobile", 854, 480), ("youtube", 3840, 2160)]),
        ("creator", (1920, 1080), [("web", 1920, 1080), ("mobile", 854, 480), ("youtube", 1920, 1080)]),
        ("creator", (16, 16), []),
    ],
)
def test_ladders(source: str, size: tuple[int, int], expected: list[tuple[str, int, int]]) -> None:
    made = ladder.renditions(ASSET, source, replace(STREAMS, width=size[0], height=size[1]))
    assert [(r.name, r.width, r.height) for r in made] == expected


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(None, None), (24, None), (29.97, None), (30.02, None), (50, "25/1"), (59.94, "30000/1001"), (60, "30/1"),
     (119.88, "30000/1001"), (240, "30/1")],
)  # fmt: skip
def test_high_rates_are_divided(fps: float | None, expected: str | None) -> None:
    assert ladder.reduce_rate(fps) == expected


@pytest.mark.parametrize(
    ("codec", "size", "bitrates"),
    [
        ("h264", 60_000_000, [3_314_000, 1_720_000]),  # 8 Mbit/s: the rungs' own bounds hold
        ("h264", 7_500_000, [1_500_000, 1_500_000]),  # 1 Mbit/s
        ("hevc", 7_500_000, [3_000_000, 1_720_000]),
        ("h264", 10_000, [200_000, 200_000]),
    ],
)
def test_no_rendition_needs_more_bits_than_the_original_holds(codec: str, size: int, bitrates: list[int]) -> None:
    facts = replace(FACTS, video_codec=codec, bytes=size)
    planned = plan.make(ASSET, facts, "s3://b/k", "d", 120)
    assert [r.max_bitrate for r in planned.renditions] == bitrates


def test_without_sound_there_is_no_audio_selector_and_portrait_is_turned() -> None:
    planned = plan.make(ASSET, replace(FACTS, has_audio=False, audio_codec=None), "s3://b/k", "d", 120)
    assert planned.job_settings
    assert planned.job_settings["Inputs"][0] == {
        "FileInput": "s3://b/k",
        "TimecodeSource": "ZEROBASED",
        "VideoSelector": {"Rotate": "AUTO"},
    }
    assert all("AudioDescriptions" not in o for o in planned.job_settings["OutputGroups"][0]["Outputs"])
    assert planned.transcribe is False


def test_sound_alone_and_images() -> None:
    sound = replace(FACTS, kind="audio", width=None, height=None, fps=None, video_codec=None)
    planned = plan.make(ASSET, sound, "s3://b/k", "d", 120)
    valid(planned.job_settings)
    assert planned.job_settings
    (output,) = planned.job_settings["OutputGroups"][0]["Outputs"]
    assert (output["NameModifier"], output["Extension"]) == ("-audio", "m4a")
    assert planned.renditions[0].key == f"assets/{ASSET}/video-audio.m4a"
    picture = plan.make(ASSET, replace(sound, kind="image", has_audio=False, duration_s=0.0), "s3://b/k", "d", 120)
    assert (picture.job_settings, picture.look.max, picture.transcribe) == (None, 1, False)


def test_routine_footage_is_looked_at_less_and_the_operator_has_the_last_word() -> None:
    close = plan.make(ASSET, FACTS, "s3://b/k", "d", 120).look
    routine = plan.make(ASSET, replace(FACTS, recording="routine"), "s3://b/k", "d", 120).look
    assert (close.max, close.apis) == (13, tuple(DETECTORS))
    assert (routine.max, routine.apis) == (7, ("labels", "text"))
    assert plan.make(ASSET, FACTS, "s3://b/k", "d", 4).look.max == 4


# --- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "fps", "seconds", "item", "minutes"),
    [
        ((854, 480), 30, 60, "basic_sd_30", 1),
        ((1280, 720), 29.97, 45, "basic_hd_30", 0.75),
        ((720, 1280), 30, 61.2, "basic_hd_30", 62 / 60),
        ((1920, 1080), 59.94, 60, "basic_hd_60", 1),
        ((3840, 2160), 24, 3, "basic_4k_60", 10 / 60),
        ((None, None), 0, 12, "audio_only", 0.2),
    ],
)
def test_mediaconvert_bills_by_size_rate_and_started_second(
    size: tuple[int | None, int | None], fps: float, seconds: float, item: str, minutes: float
) -> None:
    line = ledger.mediaconvert_line(*size, fps, seconds)
    assert (line.item, line.quantity) == (item, pytest.approx(minutes))


@given(st.floats(0.5, 36_000), st.sampled_from(sorted(ladder.LADDERS)), st.integers(1, 400_000_000_000))
def test_a_quote_is_a_ceiling(duration: float, source: str, size: int) -> None:
    facts = replace(FACTS, duration_s=duration, source=source, bytes=size)
    planned = plan.make(ASSET, facts, "s3://b/k", "d", 120)
    choice = storage.choose(facts)
    features = ("analyze", "transcribe", "transcode")
    quoted = quote.lines(planned, facts, choice, features, "arm64")
    assert len({(line.service, line.item) for line in quoted}) == len(quoted)
    book = PriceBook.load()
    spent = ledger.ledger(
        ledger.Run(
            verdict="process",
            facts=facts.to_dict(),
            usages=[
                [book.line("rekognition", "image_api", planned.look.max * len(planned.look.apis)).to_dict()],
                [transcribe_line(duration).to_dict()] if planned.transcribe else [],
            ],
            retries=0,
            renditions=planned.to_dict()["renditions"],
            branches={
                "analyze": {"status": "ok", "transitions": 1},
                "transcribe": {"status": "ok", "transitions": 1},
                "transcode": {"status": "ok", "transitions": 2, "outputs": []},
            },
            archive=choice,
        )
    )
    if not planned.transcribe:
        spent = [line for line in spent if line.service != "transcribe"]
    assert pricing.total(spent) <= pricing.total(quoted)
    without = quote.lines(planned, facts, choice, (), "arm64")
    assert {line.service for line in without} == {"states", "lambda", "s3"}


def test_an_hour_of_dash_cam_costs_cents_not_dollars() -> None:
    hour = replace(FACTS, duration_s=3600.0, recording="routine", bytes=3_600_000_000)
    planned = plan.make(ASSET, hour, "s3://b/k", "d", 120)
    usd = pricing.total(
        quote.lines(planned, hour, storage.choose(hour), ("analyze", "transcribe", "transcode"), "arm64")
    )
    assert usd < 2.0, "VOD on AWS publishes 3.15 to 4.23 for the transcoding of such an hour alone"


@pytest.mark.parametrize(
    ("source", "recording", "size", "tag"),
    [
        ("dashcam", "routine", 60_000_000, "deep-archive"),
        ("dashcam", "event", 60_000_000, "intelligent"),
        ("phone", "manual", 60_000_000, "glacier-ir"),
        ("creator", "manual", 4_000_000_000, "glacier-ir"),
        ("dashcam", "routine", 100_000, "standard"),
        ("creator", "manual", 0, "standard"),
    ],
)
def test_the_archive_class_follows_from_prices(source: str, recording: str, size: int, tag: str) -> None:
    choice = storage.choose(replace(FACTS, source=source, recording=recording, bytes=size))
    assert choice.tag == tag
    assert choice.why
    assert storage.Choice.from_dict(choice.to_dict()) == choice


@given(st.integers(storage.SMALL_BYTES, 10**12), st.sampled_from(sorted(storage.NEEDS)))
def test_no_class_is_cheaper_than_the_chosen_one(size: int, need: str) -> None:
    source, _, recording = need.partition("-")
    choice = storage.choose(replace(FACTS, source=source, recording=recording or "event", bytes=size))
    wanted = storage.NEEDS[need]
    able = {c.tag: storage.cost(c, size, wanted) for c in storage.CLASSES if c.instant or not wanted.instant}
    assert able[choice.tag] == min(able.values())


def test_a_minimum_duration_and_overhead_are_paid() -> None:
    deep = next(c for c in storage.CLASSES if c.tag == "deep-archive")
    need = storage.Need(1, 0, 0, False, "")
    month = PriceBook.load().price("s3", "deep_archive").usd
    assert storage.cost(deep, 10**9, need) > 5.9 * month
    (moved, kept, names) = storage.first_month(deep, 10**9)
    assert (moved.item, moved.quantity) == ("transition_deep_archive", 1)
    assert kept.quantity == pytest.approx(1 + 32_768 / 1e9)
    assert names.item == "standard"


def test_lines_merge_by_item_and_keep_their_doubt() -> None:
    book = PriceBook.load()
    lines = [book.line("mediaconvert", "basic_hd_60", 1), book.line("states", "standard_transition", 3)]
    merged = ledger.merge([*lines, *lines])
    assert [(line.item, line.quantity) for line in merged] == [("basic_hd_60", 2), ("standard_transition", 6)]
    assert merged[0].doubt
    assert pricing.total(merged) == pytest.approx(2 * pricing.total(lines))
