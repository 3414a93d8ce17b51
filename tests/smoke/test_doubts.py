"""The registry of doubts: whoever reads it finds each question once, and how it ends."""

from __future__ import annotations

from impp_smoke.answers import ANSWERS
from impp_smoke.doubts import DOUBTS


def test_each_doubt_is_a_question_with_an_observation() -> None:
    assert len({doubt.id for doubt in DOUBTS}) == len(DOUBTS)
    for doubt in DOUBTS:
        assert doubt.question.endswith("?"), doubt.id
        assert doubt.settled.endswith("."), doubt.id


def test_a_run_reads_the_answers_that_it_promises() -> None:
    assert list(ANSWERS) == [doubt.id for doubt in DOUBTS if doubt.settled_by_smoke]
