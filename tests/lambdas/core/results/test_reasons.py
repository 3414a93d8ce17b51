"""Every code becomes a sentence, and a cause one line."""

from __future__ import annotations

import json

import pytest

from impp_lambdas.core.intake.problems import REASONS
from impp_lambdas.core.results import reasons
from impp_lambdas.core.results.outcome import NOTHING_MADE


def test_every_reason_for_a_rejection_is_a_sentence_with_its_detail() -> None:
    assert set(reasons.REJECTIONS) == {*REASONS, NOTHING_MADE}
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Unable to open input file [s3://b/k]: [Failed probe/open: [[Errno 1094995529] Invalid data found when "
            "processing input: 'file:/tmp/x']]",
            "MediaConvert cannot read the file",
        ),
        ("Demuxer: [ReadPacketData File read failed - end of file hit at length [9]. Is file truncated?]", "the file"),
        ("cannot identify image file <_io.BytesIO object at 0x7f3a>", "its picture is damaged"),
        ("cannot use <Served object at 0x7f3a>", "cannot use the file"),
        ("[Errno 13] Permission denied", "Permission denied"),
        ("at most 64 megapixels of WEBP are read", "at most 64 megapixels of WEBP are read"),
    ],
)
def test_texts_of_libraries_become_words(text: str, words: str) -> None:
    assert reasons.plain(text).startswith(words)
    assert not any(part in reasons.plain(text) for part in ("0x", "Errno", "[", "s3://"))
    assert reasons.explain("Unreadable", json.dumps({"errorMessage": text})).startswith("the file cannot be decoded: ")
