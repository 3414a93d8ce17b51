"""Every code becomes a sentence, and a cause one line."""

from __future__ import annotations

import json

import pytest

from impp_lambdas.core.intake.integrity import REASONS
from impp_lambdas.core.results import reasons


def test_every_reason_for_a_rejection_is_a_sentence_with_its_detail() -> None:
    assert set(reasons.REJECTIONS) == set(REASONS)
    assert reasons.sentence("truncated", "it ends in a box of 8 MB") == (
        "The file is incomplete: recording or copying stopped before its end (it ends in a box of 8 MB)."
    )
    assert reasons.sentence("empty") == "The file is empty."


@pytest.mark.parametrize(
    ("reason", "detail", "text"),
    [(None, "x", ""), ("", None, ""), ("$9 of $9 are spent", None, "$9 of $9 are spent"), ("new", "x", "new: x")],
)
def test_other_reasons_stay_as_they_are(reason: str | None, detail: str | None, text: str) -> None:
    assert reasons.sentence(reason, detail) == text


JOB = {"Id": "1-a", "Status": "ERROR", "ErrorCode": 1040, "ErrorMessage": "The width\nis odd"}


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        ("ValueError", '{"errorMessage": "a\\nb", "errorType": "ValueError", "stackTrace": []}', "ValueError: a b"),
        ("X", '{"errorMessage": "cut in the mid', "X: cut in the mid"),
        ("X", '{"errorMessage": "whole", "stackTrace": ["cut', "X: whole"),
        ("States.TaskFailed", json.dumps(JOB), "the service reported a failure: The width is odd (error 1040)"),
        ("States.TaskFailed", json.dumps(JOB)[:-4], "the service reported a failure: The width\\nis o"),
        ("States.Timeout", None, "it took longer than allowed"),
        ("X", '{"no": "message"}', 'X: {"no": "message"}'),
        (None, "only this", "only this"),
        (None, None, "no cause given"),
        ("X", "y" * 400, "X: " + "y" * 297),
    ],
)
def test_a_cause_is_shortened_to_one_line(error: str | None, cause: str | None, text: str) -> None:
    assert reasons.explain(error, cause) == text
