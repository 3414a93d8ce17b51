"""Ledger and quote: MediaConvert's units, merged lines, and a quote that is never exceeded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.dashcam_facts import ASSET, FACTS

from impp_build import functions
from impp_lambdas.core.intake import sources
from impp_lambdas.core.money import ledger, pricing, quote, storage
from impp_lambdas.core.money.calibration import Calibration
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.usage import transcribe_line
from impp_lambdas.core.planning import plan


@pytest.mark.parametrize(
    ("size", "fps", "seconds", "item", "minutes"),
    [
        ((854, 480), 30, 60, "basic_sd_30", 1),
        ((1280, 720), 29.97, 45, "basic_hd_30", 0.75),
        ((720, 1280), 30, 61.2, "basic_hd_30", 62 / 60),
        ((1920, 1080), 59.94, 60, "basic_hd_60", 1),
        ((1920, 1080), 30.02, 60, "basic_hd_60", 1),
        ((1920, 1080), 119.88, 60, "basic_hd_120", 1),
        ((3840, 2160), 24, 3, "basic_4k_30", 10 / 60),
        ((3840, 2160), 60, 3, "basic_4k_60", 10 / 60),
        ((None, None), 0, 12, "audio_only", 0.2),
    ],
)
def test_mediaconvert_bills_by_size_rate_and_started_second(
    size: tuple[int | None, int | None], fps: float, seconds: float, item: str, minutes: float
) -> None:
    line = ledger.mediaconvert_line(*size, fps, seconds)
    assert (line.item, line.quantity) == (item, pytest.approx(minutes))


def test_the_basic_tier_costs_more_by_size_and_rate() -> None:
    """USD per minute, from AWS's table of the Basic tier: 1.25 times above 30 frames/s, 1.5 times above 60."""
    sizes = {"sd": (854, 480), "hd": (1920, 1080), "4k": (3840, 2160)}
    usd = {
        name: [ledger.mediaconvert_line(*size, fps, 60).usd for fps in (30, 60, 120)] for name, size in sizes.items()
    }
    assert usd == {
        "sd": pytest.approx([0.0075, 0.009375, 0.01125]),
        "hd": pytest.approx([0.015, 0.01875, 0.0225]),
        "4k": pytest.approx([0.03, 0.0375, 0.045]),
    }


@given(st.floats(0.5, 36_000), st.sampled_from(sources.SOURCES), st.integers(1, 400_000_000_000))
def test_the_quote_is_an_upper_bound(duration: float, source: str, size: int) -> None:
    facts = replace(FACTS, duration_s=duration, source=source, bytes=size)
    features = ("analyze", "transcribe", "transcode")
    planned = plan.make(ASSET, facts, "s3://b/k", "d", 120, features=features)
    choice = storage.choose(facts)
    quoted = quote.lines(planned, facts, choice, features, Calibration.of("arm64"))
    assert len({(line.service, line.item) for line in quoted}) == len(quoted)
    book = PriceBook.load()
    spent = ledger.ledger(
        ledger.Run(
            verdict="process",
            facts=facts.to_dict(),
            usages=[
                [book.line("rekognition", "image_api", planned.managed_calls).to_dict()],
                [transcribe_line(duration).to_dict()] if planned.speech == "transcribe" else [],
            ],
            retries=0,
            renditions=planned.to_dict()["renditions"],
            branches={
                "sample": {"status": "ok", "transitions": 1},
                "analyze": {"status": "ok", "transitions": 1},
                "transcribe": {"status": "ok", "transitions": 1},
                "transcode": {"status": "ok", "transitions": 2, "outputs": []},
            },
            archive=choice,
        )
    )
    if planned.speech != "transcribe":
        spent = [line for line in spent if line.service != "transcribe"]
    assert pricing.total(spent) <= pricing.total(quoted)
    without = quote.lines(
        plan.make(ASSET, facts, "s3://b/k", "d", 120, features=()), facts, choice, (), Calibration.of("arm64")
    )
    assert {line.service for line in without} == {"states", "lambda", "s3"}


def test_an_hour_of_dash_cam_footage_costs_less_than_two_dollars() -> None:
    hour = replace(FACTS, duration_s=3600.0, recording="routine", bytes=3_600_000_000)
    planned = plan.make(ASSET, hour, "s3://b/k", "d", 120)
    usd = pricing.total(
        quote.lines(
            planned, hour, storage.choose(hour), ("analyze", "transcribe", "transcode"), Calibration.of("arm64")
        )
    )
    assert usd < 2.0, "VOD on AWS publishes 3.15 to 4.23 per hour for encoding alone"


def test_the_build_and_the_ledger_know_the_same_verdicts() -> None:
    assert set(functions.VERDICTS) == set(ledger.OTHER_STATES)


def test_lines_are_merged_by_item_and_keep_their_doubt() -> None:
    book = PriceBook.load()
    lines = [book.line("mediaconvert", "basic_4k_60", 1), book.line("states", "standard_transition", 3)]
    merged = ledger.merge([*lines, *lines])
    assert [(line.item, line.quantity) for line in merged] == [("basic_4k_60", 2), ("standard_transition", 6)]
    assert merged[0].doubt
    assert pricing.total(merged) == pytest.approx(2 * pricing.total(lines))
