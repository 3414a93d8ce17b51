"""Quotes follow the ledgers of the machine that they are for, and nobody can drive them far."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from tests.support.functions_table import ROWS

from impp_lambdas.core.money import calibration, runtimes
from impp_lambdas.core.money.calibration import ENOUGH, LEAST, MARGIN, MOST, PRIORS, WINDOW, Calibration
from impp_lambdas.core.money.usage import lambda_lines

X86 = Calibration.of("x86_64")


def taught(lessons: Iterable[float], before: Calibration = X86) -> Calibration:
    """What a calibration has become after lessons about the proxy."""
    for lesson in lessons:
        before = before.after({"proxy": lesson})
    return before


def ran(function: str, seconds: float) -> list[dict[str, Any]]:
    """A branch's usage, of that function."""
    return [line.to_dict() for line in lambda_lines(seconds, ROWS[function]["memory_mb"], "x86_64")]


def media(**functions: tuple[float, float]) -> dict[str, Any]:
    """Inspect's result with what the quote assumes: seconds of waiting and of computing, by function."""
    basis = {
        name: {"factor": 1.4, "waiting_s": w, "start_s": 0.9 * w, "computing_s": c}
        for name, (w, c) in functions.items()
    }
    facts = {"kind": "video", "duration_s": 60.0}
    return {"facts": facts, "quote_basis": {"machine": "x86_64", "assets": 0, "functions": basis}}


def test_without_lessons_the_prior_of_the_processor_counts() -> None:
    assert {name: X86.factor(name) for name in ("sample", "join", "hear", "proxy")} == dict.fromkeys(
        ("sample", "join", "hear", "proxy"), PRIORS["x86_64"]
    )
    assert X86.factor("publish") == 1.0
    assert Calibration.of("aarch64").factor("proxy") == PRIORS["arm64"] == Calibration.of("arm64").factor("proxy")


@pytest.mark.parametrize("speed", [0.7, 1.0, 1.4, 2.5])
def test_after_some_assets_the_quote_is_seldom_below_and_not_far_above(speed: float) -> None:
    """Footage that differs by a tenth, on machines of any speed."""
    chance = random.Random(11)
    ratios, known = [], X86
    for _ in range(400):
        lesson = speed * chance.lognormvariate(0, 0.1)
        ratios.append(known.factor("proxy") / lesson)
        known = taught([lesson], known)
    settled = sorted(ratios[ENOUGH:])
    assert sum(ratio < 1 for ratio in settled) < 0.07 * len(settled)
    assert 1.1 < settled[len(settled) // 2] < 1.3


def test_two_kinds_of_footage_are_quoted_by_the_dearer_one() -> None:
    known = taught([0.7, 0.7, 1.2, 0.7] * 5)
    assert known.factor("proxy") == pytest.approx(MARGIN * 1.2)


def test_a_change_is_followed_up_after_two_assets_and_down_after_a_window() -> None:
    known = taught([1.0] * 30)
    assert taught([1.5, 1.5], known).factor("proxy") == pytest.approx(MARGIN * 1.5)
    slower = taught([1.5] * 30)
    assert taught([1.0] * (WINDOW - 2), slower).factor("proxy") == pytest.approx(MARGIN * 1.5)
    assert taught([1.0] * WINDOW, slower).factor("proxy") == pytest.approx(MARGIN)


def test_one_file_decides_nothing_however_unusual() -> None:
    known = taught([1.0] * WINDOW)
    for lesson in (0.0, 1e-9, 1e9):
        assert taught([lesson], known).factor("proxy") == pytest.approx(MARGIN)
    assert taught([1e9]).factor("proxy") == PRIORS["x86_64"], "not the first one either"


def test_many_hostile_files_stay_within_bounds_and_two_honest_ones_lift_the_factor_again() -> None:
    cheap = taught([1e-9] * 1000)
    assert cheap.factor("proxy") == pytest.approx(MARGIN * LEAST)
    assert taught([1.0, 1.0], cheap).factor("proxy") == pytest.approx(MARGIN)
    assert taught([1e9] * 1000).factor("proxy") == MOST
    assert len(cheap.lessons["proxy"]) == WINDOW


def test_a_record_of_the_catalog_is_read_as_it_was_written() -> None:
    known = taught([1.0, 1.2])
    assert Calibration.of("x86_64", {"pk": "x", "assets": known.assets, "execution": "e", **known.lessons}) == known


def test_a_lesson_is_the_time_that_was_computed_by_that_which_was_estimated() -> None:
    results = {
        "sample": {"status": "ok", "usage": ran("sample", 26.0)},
        "proxy": {"status": "ok", "incomplete": None, "usage": ran("proxy", 30.0)},
    }
    learned = calibration.lessons(media(sample=(2.0, 20.0), proxy=(0.0, 20.0)), results)
    assert learned == pytest.approx({"sample": 1.2, "proxy": 1.5})


def test_speech_teaches_by_the_seconds_that_were_heard() -> None:
    whole = media(hear=(4.0, runtimes.hearing_s(60)))

    def learned(spent: float, **result: Any) -> dict[str, float]:
        heard = {"status": "ok", "engine": "lambda", "seconds": 30.0, "is_new": False, "usage": ran("hear", spent)}
        return calibration.lessons(whole, {"transcribe": {**heard, **result}})

    spent = 0.4 + 1.4 * runtimes.hearing_s(30)
    assert learned(spent) == pytest.approx({"hear": 1.4})
    assert learned(spent + 3.6, is_new=True) == {}, "the start of a container is most of it"
    assert learned(spent, engine="transcribe") == {}


@pytest.mark.parametrize(
    ("result", "estimate", "kind"),
    [
        ({"status": "failed"}, (0.0, 20.0), "video"),
        ({"incomplete": "incomplete, because the time ran out"}, (0.0, 20.0), "video"),
        ({"usage": []}, (0.0, 20.0), "video"),
        ({}, (10.0, 20.0), "video"),
        ({}, (0.0, 20.0), "audio"),
    ],
    ids=["it failed", "it is incomplete", "nobody knows its time", "it mostly waited", "it has no pictures"],
)
def test_what_says_nothing_about_the_machine_teaches_nothing(
    result: dict[str, Any], estimate: tuple[float, float], kind: str
) -> None:
    of = media(sample=estimate)
    of["facts"]["kind"] = kind
    usual = {"status": "ok", "usage": ran("sample", 30.0)}
    assert calibration.lessons(of, {"sample": {**usual, **result}}) == {}


def test_an_execution_that_began_before_this_record_teaches_nothing() -> None:
    old = {"facts": {"kind": "video", "duration_s": 60.0}}
    assert calibration.lessons(old, {"sample": {"status": "ok", "usage": ran("sample", 30.0)}}) == {}


def test_parts_and_their_join_are_one_lesson() -> None:
    runs = [runtimes.Run("sample", 4.0, 100.0), runtimes.Run("join", 3.0, 10.0), runtimes.Run("publish", 1.5)]
    assert X86.basis(runs)["functions"] == {
        "sample": {"factor": 1.4, "waiting_s": 7.0, "start_s": 0.0, "computing_s": 110.0}
    }
