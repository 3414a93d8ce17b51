"""The quote's Lambda lines follow the table of functions and the processor, and are a ceiling."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.functions_table import ROWS

from impp_lambdas.core.detect.custom import CustomDetector
from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.intake.facts import Facts, Origin, Streams
from impp_lambdas.core.money import quote, runtimes, storage
from impp_lambdas.core.money.calibration import PRIORS, Calibration
from impp_lambdas.core.planning import plan, proxy
from impp_lambdas.core.planning.profiles import Profile, ProfileChoice

STREAMS = Streams("video", 60.0, 1920, 1080, 0, 29.97, "h264", "aac", True, "mov", keyframe_s=1.0)
ORIGIN = Origin("phone", "phone", "unknown", "manual", "2026-11-20T08:15:00Z", "container")
FACTS = Facts.of(STREAMS, ORIGIN, 60_000_000, None, None)
READ_MB_PER_S = 50
DECODE_TIMES_REAL_TIME = 190
"""One core decodes AAC 330 times as fast as it plays; 1,024 MB bring 0.58 of a core."""


def gb_seconds(facts: Facts, features: tuple[str, ...]) -> float:
    """The GB-seconds that the quote assumes."""
    profile_choice = ProfileChoice("spoken", "it is a test", Profile(speech="transcribe"))
    planned = plan.make("a" * 20, facts, "s3://b/k.mov", "d", 120, profile_choice=profile_choice, features=features)
    lines = quote.lines(planned, facts, storage.choose(facts), features, Calibration.of("arm64"))
    return sum(line.quantity for line in lines if line.item == "arm64_gb_second")


def transcribe_gb_seconds(facts: Facts) -> float:
    """What the function Transcribe adds to the quote; Resume, which answers for a job, does not count."""
    resume = ROWS["resume"]["memory_mb"] / 1024 * ROWS["resume"]["estimate"]["seconds"] if facts.has_audio else 0.0
    return gb_seconds(facts, ("transcribe",)) - gb_seconds(facts, ()) - resume


def seconds(facts: Facts, machine: str = "x86_64", profile_choice: ProfileChoice | None = None) -> dict[str, float]:
    """The seconds that the quote assumes, by function."""
    planned = plan.make("a" * 20, facts, "s3://b/k.mov", "d", 120, profile_choice=profile_choice)
    branches = dict.fromkeys(("analyze", "transcribe", "transcode"))
    factor = Calibration.of(machine).factor
    runs = runtimes.runs(planned, facts, branches, factor)
    return {run.function: run.seconds(factor(run.function)) for run in runs}


def test_a_function_is_quoted_with_the_memory_that_it_has() -> None:
    silent = replace(FACTS, has_audio=False)
    row = ROWS["transcribe"]
    expected = row["memory_mb"] / 1024 * row["estimate"]["seconds"]
    assert transcribe_gb_seconds(silent) == pytest.approx(expected)


@pytest.mark.parametrize(("gb", "hours"), [(0.1, 0.1), (0.1, 4), (4, 1), (20, 1), (400, 4)])
def test_the_quote_covers_reading_a_whole_original_for_its_sound(gb: float, hours: float) -> None:
    facts = replace(FACTS, bytes=round(gb * 1e9), duration_s=hours * 3600)
    seconds = gb * 1000 / READ_MB_PER_S + hours * 3600 / DECODE_TIMES_REAL_TIME
    row = ROWS["transcribe"]
    longest = row["memory_mb"] / 1024 * row["timeout_s"]
    assert transcribe_gb_seconds(facts) >= min(row["memory_mb"] / 1024 * seconds, longest) - 1e-9
    assert transcribe_gb_seconds(facts) <= longest + 1e-9


def test_no_function_is_quoted_beyond_its_timeout() -> None:
    for hours in (0.1, 4, 40):
        huge = replace(FACTS, bytes=10**12, duration_s=hours * 3600)
        parts = len(plan.make("a" * 20, huge, "s3://b/k.mov", "d", 120).parts)
        for name, quoted in seconds(huge, "arm64").items():
            if name != "hear":  # as many attempts as a recording takes
                assert quoted <= ROWS[name]["timeout_s"] * (parts if name == "sample" else 1), name


def test_the_quote_knows_the_processor() -> None:
    x86, arm = seconds(FACTS), seconds(FACTS, "arm64")
    slower = PRIORS["arm64"] / PRIORS["x86_64"]
    assert arm["proxy"] == pytest.approx(slower * x86["proxy"])
    assert 0.8 * slower * x86["sample"] < arm["sample"] < slower * x86["sample"], "waiting takes as long on both"
    assert arm["publish"] == x86["publish"]


def test_frames_between_keyframes_are_quoted_where_looks_come_between() -> None:
    pixels_s = 1920 * 1080 * 29.97
    apart = {gop: seconds(replace(FACTS, keyframe_s=gop))["sample"] for gop in (None, 0.5, 1.0, 2.0, 10.0)}
    assert apart[0.5] == apart[1.0]
    half = PRIORS["x86_64"] * proxy.decoding(FACTS, pixels_s * FACTS.duration_s) / 2
    assert apart[2.0] - apart[1.0] == pytest.approx(half, rel=0.02)
    assert apart[2.0] < apart[10.0] < apart[None], "a file that lists no keyframes may have one"


def test_a_detector_is_quoted_for_every_look() -> None:
    def sampled(**engines: str) -> float:
        profile_choice = ProfileChoice("tried", "it is a test", Profile(engines, interval_s=1.0))
        return seconds(FACTS, profile_choice=profile_choice)["sample"]

    labels = sampled(labels="lambda")
    faces = sampled(labels="lambda", faces="lambda")
    assert faces - labels == pytest.approx(PRIORS["x86_64"] * 61 * (DETECTORS["faces"].look_s or 0))


@pytest.mark.parametrize(("spoken_s", "windows"), [(0.5, 1), (8, 1), (30, 2), (60, 3), (120, 5)])
def test_speech_is_quoted_by_the_windows_that_the_model_hears(spoken_s: float, windows: int) -> None:
    """As counted with Whisper base and 44 s of a reading, repeated: a minute takes a third window for what two
    left, and identifying the language one more pass of the encoder."""
    assert runtimes.hearing_s(spoken_s) == runtimes.IDENTIFY_S + windows * runtimes.HEAR_WINDOW_S


def test_custom_detectors_of_a_profile_are_quoted() -> None:
    serverless = CustomDetector("scene", "impp-test-scene", profiles=(), memory_mb=2048, seconds_per_frame=0.5)
    later = CustomDetector("later", "impp-test-later", kind="asynchronous", profiles=(), instance_type="ml.m5.large")
    brought = {detector.name: detector for detector in (serverless, later)}

    def items(labels: str, features: tuple[str, ...] = ("analyze",)) -> dict[str, float]:
        profile_choice = ProfileChoice("mine", "it is a test", Profile({"labels": labels}))
        planned = plan.make(
            "a" * 20,
            FACTS,
            "s3://b/k.mov",
            "d",
            120,
            profile_choice=profile_choice,
            features=features,
            custom_detectors=brought,
        )
        lines = quote.lines(planned, FACTS, storage.choose(FACTS), features, Calibration.of("arm64"))
        return {line.item: line.quantity for line in lines}

    frames = 13  # one minute, 5 s apart
    assert items("scene")["serverless_gb_second"] == pytest.approx(frames * 0.5 * 2)
    assert items("later")["ml.m5.large"] == pytest.approx(frames * 0.5 / 3600)
    waits = items("later")["standard_transition"] - items("scene")["standard_transition"]
    assert waits == runtimes.MOST_WAITS
    assert items("later")["request"] - items("scene")["request"] == runtimes.MOST_WAITS
    assert "serverless_gb_second" not in items("lambda") | items("scene", ())


@pytest.mark.parametrize("mbit_s", [12, 50])
def test_a_creators_film_of_an_hour_with_hls_is_quoted_at_less_than_a_dollar_and_a_half(mbit_s: int) -> None:
    film = replace(FACTS, source="creator", container="mp4", duration_s=3600.0, bytes=mbit_s * 450_000_000)
    planned = plan.make("a" * 20, film, "s3://b/k.mp4", "d", 120)
    assert [r.name for r in planned.renditions] == ["hls-1080", "hls-480", "hls-audio"]
    lines = quote.lines(planned, film, storage.choose(film), plan.FEATURES, Calibration.of("arm64"))
    assert 1.25 < sum(line.usd for line in lines) <= 1.5


def test_an_analysis_of_the_video_is_quoted_by_the_minute() -> None:
    profile_choice = ProfileChoice(
        "mine", "it is a test", Profile({"labels": "rekognition-video", "text": "rekognition-video"})
    )

    def items(facts: Facts, features: tuple[str, ...] = ("analyze", "transcribe")) -> dict[str, float]:
        planned = plan.make("a" * 20, facts, "s3://b/k.mov", "d", 120, profile_choice=profile_choice, features=features)
        lines = quote.lines(planned, facts, storage.choose(facts), features, Calibration.of("arm64"))
        return {line.item: line.quantity for line in lines}

    quoted = items(replace(FACTS, duration_s=60.4))
    assert quoted["video_label"] == quoted["video_text"] == pytest.approx(61 / 60)
    assert "image_api" not in quoted
    for other in (
        replace(FACTS, video_codec="hevc"),
        replace(FACTS, duration_s=22_000.0),
        replace(FACTS, kind="image"),
    ):
        assert "video_label" not in items(other) and items(other)["image_api"] > 0, "frames instead"
    assert items(FACTS, ("analyze",))["video_label"] > 0, "whether or not the build transcribes"
