"""The quote's Lambda lines follow the table of functions and are a ceiling."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.functions_table import ROWS

from impp_lambdas.core.intake.facts import Facts, Origin, Streams
from impp_lambdas.core.money import quote, storage
from impp_lambdas.core.planning import plan
from impp_lambdas.core.planning.profiles import Chosen, Profile

STREAMS = Streams("video", 60.0, 1920, 1080, 0, 29.97, "h264", "aac", True, "mov")
ORIGIN = Origin("phone", "phone", "unknown", "manual", "2026-11-20T08:15:00Z", "container")
FACTS = Facts.of(STREAMS, ORIGIN, 60_000_000, None, None)
READ_MB_PER_S = 50
DECODE_TIMES_REAL_TIME = 190
"""One core decodes AAC 330 times as fast as it plays; 1,024 MB bring 0.58 of a core."""


def gb_seconds(facts: Facts, features: tuple[str, ...]) -> float:
    """The GB-seconds that the quote assumes."""
    chosen = Chosen("spoken", "it is a test", Profile(speech="transcribe"))
    planned = plan.make("a" * 20, facts, "s3://b/k.mov", "d", 120, chosen=chosen, features=features)
    lines = quote.lines(planned, facts, storage.choose(facts), features, "arm64")
    return sum(line.quantity for line in lines if line.item == "arm64_gb_second")


def transcribe_gb_seconds(facts: Facts) -> float:
    """What the Transcribe function adds to the quote."""
    return gb_seconds(facts, ("transcribe",)) - gb_seconds(facts, ())


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
    estimated = [row for row in ROWS.values() if "estimate" in row]
    huge = replace(FACTS, bytes=10**12, duration_s=14_000.0)
    most = sum(row["memory_mb"] / 1024 * row["timeout_s"] for row in estimated)
    assert gb_seconds(huge, ("analyze", "transcribe", "transcode")) <= most
